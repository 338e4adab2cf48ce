internal import Logging
internal import OCI
internal import ServiceLifecycle

/// A service that looks after something while others serve. When it ends although nobody asked it to, that is told, and
/// it begins again: an error that nobody thought of costs one round of its work, and not the daemon.
struct Steadfast: Service {
    let base: any Service
    let logger: Logger
    /// Long enough that a part which ends at once does not fill the log.
    var pause: Duration = .seconds(5)

    func run() async throws {
        while true {
            var reason = "it returned"
            do { try await base.run() } catch { reason = sentence(for: error) }
            if Task.isCancelled || Task.isShuttingDownGracefully { return }
            logger.error(
                "a part of the daemon has ended and begins again",
                metadata: ["part": "\(type(of: base))", "error": "\(reason)"])
            do { try await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) } } catch { return }
        }
    }
}

extension Logger {
    /// The services, each of them steadfast.
    func steadfast(_ services: [any Service]) -> [any Service] {
        services.map { Steadfast(base: $0, logger: self) }
    }
}
