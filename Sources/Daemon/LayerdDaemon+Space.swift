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

/// Looks once a minute whether others have filled the disk, and enters the uses that evictions are decided by; removes
/// once an hour what failed pulls left a day ago and nobody came back for.
struct SpaceService: Service {
    let keeper: SpaceKeeper
    let collector: Collector
    let store: any SweptStore
    let logger: Logger
    var pause: Duration = .seconds(60)
    var sweepEvery: Duration = .seconds(3600)
    var grace: Duration = .seconds(86_400)

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                var swept = ContinuousClock.now
                while true {
                    do { try await keeper.settle() } catch let error as any Fault {
                        logger.warning("the quota could not be kept", metadata: ["error": "\(error)"])
                    }
                    if ContinuousClock.now - swept >= sweepEvery {
                        swept = .now
                        await sweep()
                    }
                    try await Task.sleep(for: pause)
                }
            }
        } catch is CancellationError {
            // Its end is no failure.
            return
        }
    }

    private func sweep() async {
        do {
            let report = try await collector.sweep(store, grace: grace, dryRun: false, now: .now())
            guard !report.blobs.isEmpty || !report.ingests.isEmpty else { return }
            logger.info(
                "swept",
                metadata: [
                    "blobs": "\(report.blobs.count)", "ingests": "\(report.ingests.count)",
                    "bytes": "\(report.blobBytes + report.ingestBytes)",
                ])
        } catch is CancellationError {
            // The loop that asked ends too.
            return
        } catch {
            logger.warning("cannot sweep", metadata: ["reason": "\(sentence(for: error))"])
        }
    }
}
