internal import Glibc
internal import SystemPackage

/// Walks through directories, for listings, sums and removals.
enum FileTree {
    /// How deep a walk goes. The deepest tree of ours is two levels; what is deeper was put there by others.
    private static let maximumDepth = 8

    /// The names in a directory, in no order; none when there is no such directory.
    static func names(in directory: FilePath) throws(StorageError) -> [String] {
        var names: [String] = []
        try forEachName(in: directory) { name throws(StorageError) in names.append(name) }
        return names
    }

    /// Gives `body` the names in a directory, one after the other: there may be very many.
    static func forEachName(
        in directory: FilePath, _ body: (String) throws(StorageError) -> Void
    ) throws(StorageError) {
        try forEachEntry(in: directory) { name, _ throws(StorageError) in try body(name) }
    }

    /// The same with what has the name, without those that vanish meanwhile; links are not followed.
    static func forEachStatus(
        in directory: FilePath, _ body: (String, FileStatus) throws(StorageError) -> Void
    ) throws(StorageError) {
        try forEachEntry(in: directory) { name, descriptor throws(StorageError) in
            guard let status = try FileStatus.of(name, from: descriptor, directory.appending(name)) else { return }
            try body(name, status)
        }
    }

    private static func forEachEntry(
        in directory: FilePath, _ body: (String, Int32) throws(StorageError) -> Void
    ) throws(StorageError) {
        guard let stream = opendir(directory.string) else {
            let code = Errno.last
            if code == .noSuchFileOrDirectory { return }
            throw StorageError(SystemFailure("list", directory, code))
        }
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            // INVARIANT (raw pointer): `d_name` is a C string that lives until the next `readdir` of this stream.
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { try body(name, dirfd(stream)) }
        }
        let code = Errno.last
        guard code.rawValue == 0 else { throw StorageError(SystemFailure("list", directory, code)) }
    }

    /// The files under a directory, without those that vanish meanwhile. Links are not followed.
    static func visit(
        _ directory: FilePath, depth: Int = maximumDepth, _ body: (FileStatus) -> Void
    ) throws(StorageError) {
        try forEachStatus(in: directory) { name, status throws(StorageError) in
            guard status.kind == .directory else { return body(status) }
            if depth > 0 { try visit(directory.appending(name), depth: depth - 1, body) }
        }
    }

    /// Removes what has this name, with all that is in it; nothing there is no error.
    static func remove(_ path: FilePath, depth: Int = maximumDepth) throws(StorageError) {
        guard let status = try FileStatus.of(path) else { return }
        guard status.kind == .directory else { return try Names.unlink(path) }
        if depth > 0 {
            for name in try names(in: path) { try remove(path.appending(name), depth: depth - 1) }
        }
        try Names.removeDirectory(path)
    }
}
