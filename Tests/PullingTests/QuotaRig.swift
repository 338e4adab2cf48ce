import Catalogue
import Coordination
import OCI
import Registry
import Storage
import TestSupport

@testable import Pulling

/// A puller with a quota, a clock that stands still until it is set, and a disk of any size.
struct QuotaRig {
    let registry = FakeRegistry()
    let store = MemoryContentStore()
    let catalogue: Catalogue
    let collector: Collector
    let keeper: SpaceKeeper
    let puller: Puller
    let disk: FakeDisk
    let seconds = Locked(Int64(1_700_000_000))

    init(limit: Int64, keepAtLeast: Duration = .zero, lowWatermark: Double = 1, minFree: Int64 = 0) async throws {
        let seconds = self.seconds
        disk = FakeDisk(store)
        let now: @Sendable () -> Timestamp = { Timestamp(seconds: seconds.withLock { $0 }) }
        catalogue = try await Catalogue.open(path: nil, now: now)
        collector = Collector(store: store, catalogue: catalogue) { _ in }
        var quota = Quota()
        quota.maxSize = limit
        quota.keepAtLeast = keepAtLeast
        quota.lowWatermark = lowWatermark
        quota.minFree = minFree
        let events = ImageEventLog { now() }
        keeper = SpaceKeeper(
            quota: quota, store: store, disk: disk, catalogue: catalogue, collector: collector, now: now, tell: { _ in }
        )
        collector.keepSpace(with: keeper)
        puller = Puller(
            resolver: registry, fetcher: registry, store: store, catalogue: catalogue,
            limits: .init(total: 4, perHost: 4), events: events, collector: collector)
    }

    func wait(_ more: Int64) { seconds.withLock { $0 += more } }

    func pull(_ name: String) async throws {
        let pull = try await puller.pull(PullRequest(reference: try Reference(parsing: name)))
        for try await _ in pull.events {}
        _ = try await pull.outcome()
    }

    /// Adds an image of layers of so many bytes, told apart by their words.
    func add(_ name: String, _ layers: [(word: String, size: Int)]) throws {
        try registry.add(
            name, layers: layers.map { String((String(repeating: $0.word + " ", count: $0.size)).prefix($0.size)) })
    }

    func bytes() async throws -> Int64 { try await store.blobs().reduce(0) { $0 + $1.size } }

    func names() async throws -> Set<String> {
        Set(try await catalogue.images().flatMap(\.tags).map(\.familiar))
    }
}

/// A disk of any size that holds the store and nothing else.
final class FakeDisk: SpaceReporting {
    let size = Locked(Int64.max / 4)
    let held = Locked([HeldIngest]())
    private let store: MemoryContentStore

    init(_ store: MemoryContentStore) { self.store = store }

    func freeBytes() async throws -> Int64 {
        let used = try await store.blobs().reduce(Int64(0)) { $0 + $1.size }
        return size.withLock { $0 } - used
    }
    func ingests() async throws -> [HeldIngest] { held.withLock { $0 } }
    func dropIngest(_ digest: Digest) async throws -> Bool {
        held.withLock { $0.removeAll { $0.digest == digest } }
        return true
    }
}
