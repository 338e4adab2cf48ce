internal import FoundationEssentials
internal import Glibc

/// The sockets that a parent opened for us, as `sd_listen_fds(3)` has it: descriptors from 3 on, `LISTEN_FDS` of them,
/// their names in `LISTEN_FDNAMES`.
struct PassedSockets: Sendable, Equatable {
    /// For the control socket; what its unit calls `control`.
    var control: [Int32] = []
    /// For the mirror; what its unit calls `mirror`.
    var mirror: [Int32] = []

    private static let first: Int32 = 3

    /// A `LISTEN_PID` that is not `pid` means another process, such as our parent.
    /// - Parameter isUnix: whether a descriptor is a Unix socket. A socket whose name says nothing is told by that:
    ///   `systemd-socket-activate` names none, and an operator may have named them after their units.
    init(
        environment: [String: String] = ProcessInfo.processInfo.environment, pid: Int32 = getpid(),
        isUnix: (Int32) -> Bool = Self.isUnix
    ) {
        guard environment["LISTEN_PID"] == "\(pid)", let count = environment["LISTEN_FDS"].flatMap(Int32.init),
            (1...64).contains(count)
        else { return }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        for index in 0..<count {
            let descriptor = Self.first + index
            switch Int(index) < names.count ? names[Int(index)] : "" {
            case "control", "layerd.socket": control.append(descriptor)
            case "mirror", "layerd-mirror.socket": mirror.append(descriptor)
            default:
                if isUnix(descriptor) { control.append(descriptor) } else { mirror.append(descriptor) }
            }
        }
    }

    private static func isUnix(_ descriptor: Int32) -> Bool {
        var domain: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX
    }
}
