internal import Logging
internal import OCI
internal import ServiceLifecycle
internal import Warming

/// Brings the lists whose time has come, twice a minute.
struct WarmService: Service {
    let warmer: Warmer
    let logger: Logger

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                while true {
                    try await turn()
                    try await Task.sleep(for: .seconds(30))
                }
            }
        } catch is CancellationError {
            // Its end is no failure; what was brought so far is kept.
            return
        }
    }

    private func turn() async throws {
        do {
            let jobs = try await warmer.due()
            guard !jobs.isEmpty else { return }
            let report = try await warmer.run(jobs) { _ in }
            logger.info(
                "warmed",
                metadata: [
                    "lists": "\(jobs.map(\.list).joined(separator: ","))", "present": "\(report.present)",
                    "fetched": "\(report.fetchedBytes)", "failed": "\(report.failures.count)",
                ])
            for failure in report.failures { logger.warning("not warmed", metadata: ["error": "\(failure)"]) }
        } catch let fault as any Fault {
            logger.warning("warm lists were not looked at", metadata: ["error": "\(fault)"])
        }
    }
}
