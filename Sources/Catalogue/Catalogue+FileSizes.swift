internal import Glibc

/// What the catalogue's files take, in bytes.
public struct CatalogueSizes: Sendable, Equatable {
    /// Sum of the files' lengths.
    public var logical: Int64 = 0
    /// What they take from the disk (`st_blocks`).
    public var physical: Int64 = 0
}

extension Catalogue {
    /// Of the database and of the log beside it; zeros for one in memory.
    public func fileSizes() async throws -> CatalogueSizes {
        guard let path = file.path else { return CatalogueSizes() }
        var sizes = CatalogueSizes()
        for name in [path, path + "-wal", path + "-shm"] {
            var status = stat()
            guard lstat(name, &status) == 0 else {
                // The log comes and goes; the database itself is open.
                if errno == ENOENT { continue }
                throw CatalogueError.unusable(path: name, reason: String(cString: strerror(errno)))
            }
            sizes.logical += Int64(status.st_size)
            sizes.physical += Int64(status.st_blocks) * 512
        }
        return sizes
    }
}
