internal import Catalogue
internal import Logging
internal import OCI
internal import Pulling
internal import ServiceLifecycle
internal import Storage

/// Tells the catalogue now and then which blobs were verified.
struct RecordKeeper: Service {
    private static let pause: Duration = .seconds(2)

    let store: LocalContentStore
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while true {
                do { try await Task.sleep(for: Self.pause) } catch { return }
                do { try await store.flushRecords() } catch {
                    // Kept for the next time: what is not recorded costs a hash after the next start, and no more.
                    logger.debug("cannot record verifications", metadata: ["reason": "\(sentence(for: error))"])
                }
            }
        }
    }
}

/// Brings `index.json` up to date after an unclean stop, which may have come between the catalogue and the index that
/// follows it. While the daemon serves already, for the names may be many; it is not cut short.
struct IndexFollower: Service {
    let store: LocalContentStore
    let collector: Collector
    let logger: Logger

    func run() async throws {
        if !store.wasStoppedOrderly {
            do { try await collector.updateIndex() } catch {
                // A disk that cannot take it now is no reason not to serve what is there.
                logger.warning("index.json is not up to date", metadata: ["reason": "\(sentence(for: error))"])
            }
        }
        try await gracefulShutdown()
    }
}

extension LayerdDaemon {
    /// Settles everything, so that the next start need not look, and says so on the disk last. A disk that refuses is
    /// met by that start.
    static func settle(_ store: LocalContentStore, _ catalogue: Catalogue, logger: Logger) async {
        do {
            try await store.flushRecords()
            try await catalogue.close()
            if !catalogue.hasSeenDamage { try await store.markOrderlyStop() }
        } catch {
            logger.warning(
                "could not settle everything; the next start will", metadata: ["reason": "\(sentence(for: error))"])
        }
        store.close()
    }

    /// Rebuilds the catalogue of a state directory from `index.json` and the blobs, and ends.
    public func rebuildCatalogue() async throws {
        let store = try await LocalContentStore(root: stateDirectory)
        let opening = Opening(stateDirectory: stateDirectory, logger: logger)
        let catalogue = try await opening.open(store, rebuild: true)
        await Self.settle(store, catalogue, logger: logger)
    }
}
