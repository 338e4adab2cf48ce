internal import Logging
internal import OCI
internal import ServiceLifecycle
internal import UnixSignals

/// SIGHUP: reads the configuration again and applies what can change while the daemon runs. A configuration that is
/// wrong changes nothing.
struct ReloadService: Service {
    let manager: ServiceManager
    let life: LifeService
    let logger: Logger
    /// Reads and applies; tells in one line each what waits for a restart.
    let reload: @Sendable () async throws -> [String]

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() {
            manager.reloading()
            do {
                let waiting = try await reload()
                logger.info("the configuration was read again")
                for line in waiting { logger.warning("\(line) changes at the next start") }
            } catch {
                logger.error("the configuration was not changed", metadata: ["error": "\(sentence(for: error))"])
            }
            life.reloaded()
        }
    }
}
