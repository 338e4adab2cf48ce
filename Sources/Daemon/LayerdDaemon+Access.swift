internal import Glibc

extension LayerdDaemon {
    /// Who may do what; `nil` when the socket's mode settles that.
    /// - Throws: ``DaemonError/noSuchGroup(_:)``: who chose a group means it.
    func access() throws -> ControlAccess? {
        let control = configuration.control
        guard !control.readGroup.isEmpty else { return nil }
        guard let readers = getgrnam(control.readGroup)?.pointee.gr_gid else {
            throw DaemonError.noSuchGroup(control.readGroup)
        }
        let group = getgrnam(control.group)?.pointee.gr_gid
        return ControlAccess(owner: geteuid(), group: group, readGroup: readers)
    }

    /// A socket has one group: where there are two, everybody gets to the daemon, and that looks who it is.
    var socketMode: UInt32 { configuration.control.readGroup.isEmpty ? 0o660 : 0o666 }
}
