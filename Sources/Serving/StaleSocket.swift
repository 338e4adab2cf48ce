internal import Glibc
internal import NIOCore

/// What may lie where a Unix socket shall be: the socket of a process that was killed.
struct StaleSocket {
    let path: String
    let address: SocketAddress

    /// Removes the socket file if nobody listens behind it.
    /// - Throws: ``ServingError/socketInUse(path:)``, ``ServingError/notASocket(path:)``; for another reason it cannot
    ///   be told or removed, ``ServingError/cannotListen(address:reason:)``.
    func remove() throws(ServingError) {
        var info = stat()
        guard lstat(path, &info) == 0 else {
            if errno == ENOENT { return }
            throw .cannotListen(address: path, reason: systemReason())
        }
        guard info.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        let probe = Glibc.socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard probe >= 0 else { throw .cannotListen(address: path, reason: systemReason()) }
        defer { close(probe) }
        let answer = address.withSockAddr { connect(probe, $0, socklen_t($1)) }
        // A full backlog (EAGAIN) is somebody alive, too.
        if answer == 0 || errno == EAGAIN { throw .socketInUse(path: path) }
        guard errno == ECONNREFUSED else { throw .cannotListen(address: path, reason: systemReason()) }
        guard unlink(path) == 0 || errno == ENOENT else { throw .cannotListen(address: path, reason: systemReason()) }
    }
}

/// What `errno` says.
func systemReason() -> String { String(cString: strerror(errno)) }

/// The number of a group.
func groupID(_ name: String) throws(ServingError) -> gid_t {
    var entry = group()
    // A group's entry lists its members; 64 KiB holds some thousands.
    var text = [CChar](repeating: 0, count: 64 << 10)
    // INVARIANT: `found` points at `entry` or is nil, and only that is asked.
    var found: UnsafeMutablePointer<group>?
    guard getgrnam_r(name, &entry, &text, text.count, &found) == 0, found != nil else { throw .unknownGroup(name) }
    return entry.gr_gid
}
