internal import Glibc
internal import OCI
internal import SystemPackage

extension StoreLayout {
    /// There while nothing runs and everything was settled before the end.
    private var marker: FilePath { root.appending("clean") }

    /// Takes the mark of an orderly stop away, durably, before anything can change.
    /// - Returns: what it says of the blobs' bytes, or `nil` when there is none. Where nothing can be written it stays,
    ///   and stays true.
    func takeMarker() throws(StorageError) -> Mark? {
        guard try FileStatus.of(marker) != nil else { return nil }
        let lines = String(decoding: try readSmallFile(marker), as: UTF8.self).split(separator: "\n")
        do {
            try Names.unlink(marker)
            try OpenFile(directory: root).sync()
        } catch .system(let failure) where failure.code == .readOnlyFileSystem {}
        return Mark(bytes: lines.dropFirst().first.flatMap { Int64($0) }.flatMap { $0 >= 0 ? $0 : nil })
    }

    /// Leaves the mark, durably.
    func leaveMarker(bytes: Int64?) throws(StorageError) {
        let lines = [Boot.current] + (bytes.map { [String($0)] } ?? [])
        try replaceDurably(marker, with: Array(lines.map { $0 + "\n" }.joined().utf8))
    }
}

/// What an orderly stop left word of.
struct Mark: Sendable {
    /// Of all blobs; `nil` when they were not known.
    let bytes: Int64?
}
