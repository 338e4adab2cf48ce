internal import Glibc

/// Who is at the other end of a Unix socket, as the kernel saw it when it connected (`SO_PEERCRED`, `SO_PEERGROUPS`).
public struct PeerCredentials: Sendable, Equatable {
    public let pid: Int32
    public let uid: UInt32
    public let gid: UInt32
    /// The supplementary groups; a user is in most groups by these.
    public let groups: [UInt32]

    public init(pid: Int32, uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }

    /// Asks the kernel; nil for sockets that are no connected Unix sockets.
    init?(descriptor: Int32) {
        // `struct ucred`: pid, uid, gid, of four bytes each. Glibc hides it from Swift.
        var words: [UInt32] = [0, 0, 0]
        var length = socklen_t(12)
        // TCP answers with nobody, uid -1. (A pid of 0 is somebody in another PID namespace.)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &words, &length) == 0, words[1] != uid_t.max else {
            return nil
        }
        self.init(
            pid: Int32(bitPattern: words[0]), uid: words[1], gid: words[2], groups: Self.groups(of: descriptor))
    }

    /// Whether the peer is in that group, be it the main or a supplementary one.
    public func isMember(of group: UInt32) -> Bool { gid == group || groups.contains(group) }

    /// `SO_PEERGROUPS`, which Glibc hides from Swift too; Linux 4.13 and later. Without it, none.
    private static func groups(of descriptor: Int32) -> [UInt32] {
        let option: Int32 = 59
        // As many as Linux allows a process: the answer fits in one call.
        var groups = [UInt32](repeating: 0, count: 64)
        var length = socklen_t(groups.count * 4)
        if getsockopt(descriptor, SOL_SOCKET, option, &groups, &length) != 0 {
            guard errno == ERANGE, length > 0, length <= 65_536 * 4 else { return [] }
            groups = [UInt32](repeating: 0, count: Int(length) / 4)
            guard getsockopt(descriptor, SOL_SOCKET, option, &groups, &length) == 0 else { return [] }
        }
        return Array(groups.prefix(Int(length) / 4))
    }
}
