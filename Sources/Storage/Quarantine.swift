internal import OCI
internal import SystemPackage

/// Where blobs go that are not what their names say: for a person to look at, so few of them, and the newest.
struct Quarantine: Sendable {
    /// What is kept, in bytes on disk and in files. A damaged layer or two help to find out what a disk or memory does
    /// to bytes; more of them would take the place of good ones.
    static let budget: Int64 = 1 << 30
    static let maximumFiles = 256

    let directory: FilePath
    let budget: Int64

    /// Moves what is at `path` here, unless it is not the one that was looked at any more.
    func take(_ path: FilePath, _ digest: Digest, seen: FileStatus) throws(StorageError) {
        guard let now = try FileStatus.of(path), now.identity == seen.identity else { return }
        let stamp = "\(now.changed.seconds)-\(now.identity.inode)"
        let place = directory.appending("\(digest.fileName).\(stamp)")
        try FileTree.remove(place)
        try Names.rename(path, to: place)
        try makeRoom()
    }

    private func makeRoom() throws(StorageError) {
        var kept: [(path: FilePath, status: FileStatus)] = []
        for name in try FileTree.names(in: directory) {
            let path = directory.appending(name)
            if let status = try FileStatus.of(path) { kept.append((path, status)) }
        }
        kept.sort { $0.status.changed < $1.status.changed }
        var bytes = kept.reduce(0) { $0 + $1.status.allocated }
        var count = kept.count
        for (path, status) in kept where bytes > budget || count > Self.maximumFiles {
            try FileTree.remove(path)
            bytes -= status.allocated
            count -= 1
        }
    }
}
