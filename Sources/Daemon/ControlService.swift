internal import Logging
internal import OCI
internal import ServiceLifecycle
internal import Serving

/// What keeps the daemon from starting, besides what its parts say.
enum DaemonError: Fault {
    /// The directory that the control socket would be in can neither be found nor made.
    case socketDirectory(String)
    /// `[control] read-group` is no group of this machine.
    case noSuchGroup(String)

    var kind: FaultKind {
        switch self {
        case .socketDirectory: .forbidden
        case .noSuchGroup: .invalidInput
        }
    }
    var description: String {
        switch self {
        case .noSuchGroup(let name):
            "this machine has no group \(name): create it, or choose another [control] read-group"
        case .socketDirectory(let path):
            "cannot make \(path), where the control socket goes: run layerd as root, or choose another place with "
                + "--socket or [control] socket"
        }
    }
}

/// The control socket, as a service that ends gracefully.
struct ControlService: Service {
    let server: HTTPServer
    let logger: Logger
    let started: ContinuousClock.Instant
    let ready: @Sendable ([BoundAddress]) -> Void
    let stopping: @Sendable () -> Void

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await cancelWhenGracefulShutdown {
                try await server.run { addresses in
                    let places = addresses.map { "\($0)" }.joined(separator: ", ")
                    logger.info(
                        "ready", metadata: ["listen": "\(places)", "after": "\(ContinuousClock.now - started)"])
                    ready(addresses)
                }
            }
        } onGracefulShutdown: {
            stopping()
        }
    }
}
