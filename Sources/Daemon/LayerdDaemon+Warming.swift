internal import Coordination
internal import Logging
internal import OCI
internal import ServiceLifecycle
internal import Warming

/// Brings the lists whose time has come, and looks at least twice a minute; each goes on beside the others until it is
/// done.
struct WarmService: Service {
    let warmer: Warmer
    let logger: Logger

    func run() async throws {
        let running = Locked(Set<String>())
        do {
            try await cancelWhenGracefulShutdown {
                try await withThrowingDiscardingTaskGroup { group in
                    while true {
                        for job in await due() where running.withLock({ $0.insert(job.list).inserted }) {
                            group.addTask {
                                try await bring(job)
                                running.withLock { _ = $0.remove(job.list) }
                            }
                        }
                        try await Task.sleep(for: warmer.pause)
                    }
                }
            }
        } catch is CancellationError {
            // Its end is no failure; what was brought so far is kept.
            return
        }
    }

    private func due() async -> [WarmJob] {
        do { return try await warmer.due() } catch {
            logger.warning("warm lists were not looked at", metadata: ["error": "\(error)"])
            return []
        }
    }

    private func bring(_ job: WarmJob) async throws {
        do {
            guard let report = try await warmer.runInTime(job) else {
                return logger.notice("the window of a warm list has closed", metadata: ["list": "\(job.list)"])
            }
            logger.info(
                "warmed",
                metadata: [
                    "lists": "\(job.list)", "present": "\(report.present)", "fetched": "\(report.fetchedBytes)",
                    "failed": "\(report.failures.count)",
                ])
            for failure in report.failures { logger.warning("not warmed", metadata: ["error": "\(failure)"]) }
        } catch let fault as any Fault {
            logger.warning("a warm list was not brought", metadata: ["list": "\(job.list)", "error": "\(fault)"])
        }
    }
}
