internal import Catalogue
internal import Logging
internal import OCI
internal import Pulling
internal import ServiceLifecycle
internal import Storage

extension LayerdDaemon {
    /// The store's quota, kept from now on; what goes is logged with the reason.
    func keepSpace(
        store: LocalContentStore, catalogue: Catalogue, collector: Collector
    ) -> SpaceKeeper {
        let logger = logger
        let keeper = SpaceKeeper(
            quota: configuration.quota, store: store, disk: store, catalogue: catalogue, collector: collector,
            now: { Timestamp.now() },
            tell: { decision in
                logger.notice(
                    "evicted",
                    metadata: [
                        "image": "\(decision.image)", "id": "\(decision.id)", "freed": "\(decision.freed)",
                        "why": "\(decision.reason)",
                    ])
            })
        collector.keepSpace(with: keeper)
        return keeper
    }
}

/// Looks once a minute whether others have filled the disk, and enters the uses that evictions are decided by.
struct SpaceService: Service {
    let keeper: SpaceKeeper
    let logger: Logger

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                while true {
                    do { try await keeper.settle() } catch let error as any Fault {
                        logger.warning("the quota could not be kept", metadata: ["error": "\(error)"])
                    }
                    try await Task.sleep(for: .seconds(60))
                }
            }
        } catch is CancellationError {
            // Its end is no failure.
            return
        }
    }
}
