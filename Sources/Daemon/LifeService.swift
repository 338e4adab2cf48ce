internal import Coordination
internal import Logging
internal import OCI
internal import ServiceLifecycle

/// Keeps the service manager informed from the moment the sockets listen to the end of the drain: figures, signs of
/// life, and while requests are let end, that it takes a little longer.
///
/// First in the group, so last to be stopped: it speaks while the others drain.
final class LifeService: Service {
    private enum Phase { case starting, serving, stopping }

    /// How often figures are told, and the drain's extension renewed.
    static let interval: Duration = .seconds(5)

    private let manager: ServiceManager
    private let logger: Logger
    private let figures: @Sendable () async throws -> String
    private let probe: @Sendable () async throws -> Void
    private let phase = Locked(Phase.starting)

    /// - Parameters:
    ///   - figures: one line of what goes on now.
    ///   - probe: asks the daemon something that only a working one answers; returns when it has.
    init(
        manager: ServiceManager, logger: Logger, figures: @escaping @Sendable () async throws -> String,
        probe: @escaping @Sendable () async throws -> Void
    ) {
        self.manager = manager
        self.logger = logger
        self.figures = figures
        self.probe = probe
    }

    /// Every listener accepts connections.
    func ready() {
        phase.withLock { $0 = .serving }
        manager.ready("serving")
    }

    /// A reload has ended; figures follow at the next turn.
    func reloaded() { manager.ready("serving") }

    /// From now on only what runs is let end.
    func stopping() {
        let isFirst = phase.withLock { phase in
            defer { phase = .stopping }
            return phase != .stopping
        }
        guard isFirst else { return }
        logger.info("stopping: letting running requests end")
        manager.stopping()
        manager.extendTimeout(Self.interval * 3)
    }

    func run() async throws {
        guard manager.isThere else { return try await gracefulShutdown() }
        do {
            try await cancelWhenGracefulShutdown { [self] in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await self.tellFigures() }
                    if let watchdog = manager.watchdog {
                        group.addTask { try await self.ping(every: watchdog / 3) }
                    }
                    try await group.waitForAll()
                }
            }
        } catch is CancellationError {
            // The end of the loops is the end of the service, and no failure of it.
            return
        }
    }

    private func tellFigures() async throws {
        while true {
            switch phase.withLock({ $0 }) {
            case .starting: break
            case .serving:
                // What cannot be counted is told by those who ask; the service goes on.
                do { manager.status("serving; " + (try await figures())) } catch let error as any Fault {
                    manager.status("serving; \(error)")
                }
            case .stopping: manager.extendTimeout(Self.interval * 3)
            }
            try await Task.sleep(for: Self.interval)
        }
    }

    /// No answer, no sign of life: the loop itself proves only that a timer works. What the daemon answers is not asked
    /// here; an error is an answer, and a restart does not mend it. While draining nobody new is answered, so there the
    /// loop must do; the drain has an end of its own.
    private func ping(every interval: Duration) async throws {
        while true {
            switch phase.withLock({ $0 }) {
            case .starting: break
            case .serving: if await answers(within: interval * 2) { manager.ping() }
            case .stopping: manager.ping()
            }
            try await Task.sleep(for: interval)
        }
    }

    private func answers(within limit: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { [probe, logger] group in
            group.addTask {
                do {
                    try await probe()
                    return true
                } catch {
                    logger.warning("the daemon does not answer itself", metadata: ["error": "\(error)"])
                    return false
                }
            }
            group.addTask {
                do { try await Task.sleep(for: limit) } catch { return false }
                logger.error("no sign of life for the service manager: the daemon has not answered itself in \(limit)")
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}
