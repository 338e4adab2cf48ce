internal import Glibc
internal import SystemPackage

extension Errno {
    /// Why the last call of this thread failed.
    static var last: Errno { Errno(rawValue: errno) }
}

extension StorageError {
    init(_ failure: SystemFailure) {
        self = failure.isOutOfSpace ? .outOfSpace(failure, needed: nil, free: nil) : .system(failure)
    }

    /// Whether a call failed because there is nothing of that name.
    var isNoSuchFile: Bool {
        if case .system(let failure) = self { failure.code == .noSuchFileOrDirectory } else { false }
    }
}

/// Makes a call until no signal interrupts it; a negative answer is a failure.
@discardableResult
func systemCall(
    _ action: String, _ path: @autoclosure () -> FilePath, _ call: () -> Int
) throws(StorageError) -> Int {
    while true {
        let answer = call()
        if answer >= 0 { return answer }
        let code = Errno.last
        if code != .interrupted { throw StorageError(SystemFailure(action, path(), code)) }
    }
}

/// What the file system says of a file.
struct FileStatus: Sendable {
    enum Kind: Sendable { case regular, directory, other }
    /// Tells one file from another that took its name.
    struct Identity: Sendable, Equatable {
        let device: UInt64
        let inode: UInt64
    }

    let kind: Kind
    let identity: Identity
    /// Bytes, as read.
    let size: Int64
    /// Bytes, as taken from the disk: a sparse file takes fewer, a reserved one more.
    let allocated: Int64
    /// When bytes last changed, and when anything did, the name included.
    let modified: Instant, changed: Instant

    /// Of the machine's clock.
    struct Instant: Sendable, Comparable {
        let seconds: Int64
        let nanoseconds: Int32
        static func < (left: Instant, right: Instant) -> Bool {
            (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
        }
    }

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            default: .other
            }
        identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        size = Int64(status.st_size)
        allocated = Int64(status.st_blocks) * 512
        modified = Instant(seconds: Int64(status.st_mtim.tv_sec), nanoseconds: Int32(status.st_mtim.tv_nsec))
        changed = Instant(seconds: Int64(status.st_ctim.tv_sec), nanoseconds: Int32(status.st_ctim.tv_nsec))
    }

    init(of file: BlobFile) throws(StorageError) {
        var status = stat()
        try systemCall("look at", "a blob") { Int(fstat(file.descriptor, &status)) }
        self.init(status)
    }

    /// Of what has this name, itself and not what it may link to; `nil` when nothing has.
    static func of(_ path: FilePath) throws(StorageError) -> FileStatus? {
        try of(path.string, from: AT_FDCWD, path)
    }

    /// The same, looked at from an open directory: to walk a whole path for each of a million files takes several times
    /// as long.
    /// - Parameter path: the whole path, for an error.
    static func of(
        _ name: String, from directory: Int32, _ path: @autoclosure () -> FilePath
    ) throws(StorageError) -> FileStatus? {
        var status = stat()
        do {
            try systemCall("look at", path()) { Int(fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW)) }
        } catch {
            if error.isNoSuchFile { return nil }
            throw error
        }
        return FileStatus(status)
    }
}

/// Changes of names. None is durable before the directory is synced.
enum Names {
    static func makeDirectory(_ path: FilePath, mode: mode_t) throws(StorageError) -> Bool {
        do {
            try systemCall("make the directory", path) { Int(mkdir(path.string, mode)) }
            return true
        } catch .system(let failure) where failure.code == .fileExists {
            return false
        }
    }

    static func rename(_ old: FilePath, to new: FilePath) throws(StorageError) {
        try systemCall("move \(old) to", new) { Int(Glibc.rename(old.string, new.string)) }
    }

    /// Removes a file; one that is not there is no error.
    static func unlink(_ path: FilePath) throws(StorageError) {
        do {
            try systemCall("remove", path) { Int(Glibc.unlink(path.string)) }
        } catch {
            if !error.isNoSuchFile { throw error }
        }
    }

    /// Removes a file while another error is on its way, which must not be hidden by one from here: what stays behind
    /// is removed before the name's next use.
    static func discard(_ path: FilePath) { _ = Glibc.unlink(path.string) }

    /// Removes an empty directory; one that is not there is no error.
    static func removeDirectory(_ path: FilePath) throws(StorageError) {
        do {
            try systemCall("remove", path) { Int(rmdir(path.string)) }
        } catch {
            if !error.isNoSuchFile { throw error }
        }
    }
}
