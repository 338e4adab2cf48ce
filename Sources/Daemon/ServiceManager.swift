internal import FoundationEssentials
internal import Glibc

/// What the service manager is told: `sd_notify(3)` over `$NOTIFY_SOCKET`. Without one, nothing is told and nothing
/// fails: layerd runs by hand just as well.
struct ServiceManager: Sendable {
    /// The manager's own time-out between two signs of life; `nil` when it wants none.
    let watchdog: Duration?
    private let address: String?

    /// - Parameter environment: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` are read. A `WATCHDOG_PID` that is
    ///   not `pid` means another process.
    init(environment: [String: String] = ProcessInfo.processInfo.environment, pid: Int32 = getpid()) {
        address = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(pid)" } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap(Int64.init) ?? 0
        watchdog = isMeant && microseconds > 0 ? .microseconds(microseconds) : nil
    }

    /// Whether anybody listens.
    var isThere: Bool { address != nil }

    func ready(_ status: String) { tell(["READY=1", "STATUS=\(status)"]) }
    func status(_ text: String) { tell(["STATUS=\(text)"]) }
    func stopping() { tell(["STOPPING=1", "STATUS=stopping: letting running requests end"]) }
    func ping() { tell(["WATCHDOG=1"]) }

    /// Asks for more time to start or to stop, counted from now.
    func extendTimeout(_ time: Duration) { tell(["EXTEND_TIMEOUT_USEC=\(Int64(time / .microseconds(1)))"]) }

    /// The moment tells the manager which of two reloads is meant; ``ready(_:)`` follows.
    func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let microseconds = Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
        tell(["RELOADING=1", "MONOTONIC_USEC=\(microseconds)", "STATUS=reloading the configuration"])
    }

    /// One datagram. A manager that does not take it for two seconds is not waited for: its own time-outs follow.
    private func tell(_ lines: [String]) {
        guard let address else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        // A line break in a figure would forge a field.
        let text = Array(lines.map { $0.replacing("\n", with: " ") }.joined(separator: "\n").utf8)
        _ = UnixDatagram.send(text, on: descriptor, to: address)
    }
}
