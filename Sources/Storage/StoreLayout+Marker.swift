internal import Glibc
internal import OCI
internal import SystemPackage

extension StoreLayout {
    /// There while nothing runs and everything was settled before the end.
    private var marker: FilePath { root.appending("clean") }

    /// Takes the mark of an orderly stop away, durably, before anything can change.
    /// - Returns: whether there was one. Where nothing can be written it stays, and stays true.
    func takeMarker() throws(StorageError) -> Bool {
        guard try FileStatus.of(marker) != nil else { return false }
        do {
            try Names.unlink(marker)
            try OpenFile(directory: root).sync()
        } catch .system(let failure) where failure.code == .readOnlyFileSystem {}
        return true
    }

    /// Leaves the mark, durably.
    func leaveMarker() throws(StorageError) {
        try replaceDurably(marker, with: Array("\(Boot.current)\n".utf8))
    }
}
