internal import Catalogue
internal import Logging
internal import OCI
internal import Pulling
internal import ServiceLifecycle
internal import Storage

/// Brings damaged blobs again as they are found, and scrubs all of them now and then.
struct ScrubService: Service {
    private static let name = "scrub"

    let store: LocalContentStore
    let catalogue: Catalogue
    let healer: Healer
    let scrubber: Scrubber
    /// Zero for never.
    let every: Duration
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await digest in store.losses { report(digest, await healer.heal(digest)) }
                }
                if every > .zero { group.addTask { await scrubNowAndThen() } }
                await group.waitForAll()
            }
        }
    }

    /// Counted from the last one that ended, over restarts; the first is due one period after the first start.
    private func scrubNowAndThen() async {
        while !Task.isCancelled {
            do {
                if try await catalogue.moment(Self.name) == nil { try await catalogue.note(Self.name) }
                let last = try await catalogue.moment(Self.name) ?? .now()
                let wait = Self.wait(since: last, now: .now(), every: every)
                if wait > .zero {
                    try await Task.sleep(for: min(wait, .seconds(3600)))
                } else {
                    try await scrub()
                }
            } catch is CancellationError {
                return
            } catch {
                logger.warning("cannot scrub", metadata: ["reason": "\(sentence(for: error))"])
                do { try await Task.sleep(for: .seconds(60)) } catch { return }
            }
        }
    }

    /// How long it is to the next; never longer than a period, however the clock was set.
    static func wait(since last: Timestamp, now: Timestamp, every: Duration) -> Duration {
        max(.zero, every - .seconds(max(0, now.seconds - last.seconds)))
    }

    private func scrub() async throws {
        let result = try await scrubber.run()
        for damage in result.damaged { report(damage.digest, damage.healing ?? .notNeeded) }
        try await catalogue.note(Self.name)
        logger.info(
            "scrubbed",
            metadata: [
                "blobs": "\(result.blobs)", "bytes": "\(result.bytes)", "damaged": "\(result.damaged.count)",
            ])
    }

    private func report(_ digest: Digest, _ outcome: Healer.Outcome) {
        switch outcome {
        case .healed: logger.warning("a damaged blob was fetched anew", metadata: ["digest": "\(digest)"])
        case .notNeeded:
            logger.warning("a damaged blob is in quarantine; no image needs it", metadata: ["digest": "\(digest)"])
        case .failed(let why):
            logger.error(
                "a damaged blob is in quarantine and could not be fetched anew; pull its images again",
                metadata: ["digest": "\(digest)", "reason": "\(why)"])
        }
    }
}

extension LayerdDaemon {
    /// What looks after the store while the daemon serves.
    func care(_ parts: Parts) -> [any Service] {
        [
            IndexFollower(store: parts.store, collector: parts.collector, logger: logger),
            RecordKeeper(store: parts.store, logger: logger),
            ScrubService(
                store: parts.store, catalogue: parts.catalogue, healer: parts.puller.healer, scrubber: parts.scrubber,
                every: configuration.store.scrubEvery, logger: logger),
        ]
    }
}
