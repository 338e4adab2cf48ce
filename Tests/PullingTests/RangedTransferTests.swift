import Coordination
import OCI
import Registry
import Storage
import TestSupport
import Testing

@testable import Pulling

private let sample = SampleBlob(count: 100_000)

@Suite struct `A large blob` {
    @Test func `comes in parts that are its bytes, each once`() async throws {
        let place = Place()
        let store = MemoryContentStore()
        try await bring(from: place, into: store)
        #expect(try await store.read(sample.digest, limit: 100_000) == sample.bytes)
        let ranges = place.asked.sorted { $0.lowerBound < $1.lowerBound }
        #expect(ranges.count > 3 && Extents(ranges).total == ranges.reduce(0) { $0 + Int64($1.count) })
    }

    @Test func `goes on from the parts that an earlier attempt brought, whoever made it`() async throws {
        let store = MemoryContentStore()
        await #expect(throws: Broken.self) { try await bring(from: Place(failingAt: 60_000), into: store) }
        let held = store.held(of: sample.digest)
        #expect(held >= 50_000 && held < 100_000, "held \(held)")
        let next = Place()
        try await bring(from: next, into: store)
        #expect(next.bytesSent == 100_000 - held)
        #expect(try await store.read(sample.digest, limit: 100_000) == sample.bytes)
    }

    @Test func `takes only slots that nobody waits for, beside its first`() async throws {
        let slots = SlotQueue(total: 2, perKey: 2)
        let place = Place()
        let store = MemoryContentStore()
        try await bring(from: place, into: store, slots: slots)
        #expect(place.peak <= 2)
    }
}

@Suite struct `A pull of a large layer` {
    @Test func `is whole where the registry gives out no parts`() async throws {
        let rig = try await PullingRig(limits: .init(total: 4, perHost: 4, rangeThreshold: 10))
        let image = try rig.registry.add("app:1", layers: ["a layer of more than ten bytes", "tiny"])
        let (outcome, _) = try await rig.pull("app:1")
        #expect(outcome.digest == image.target.digest)
        #expect(rig.registry.state.withLock { $0.blobGets[image.layers[0].digest] } == 1)
    }

    @Test func `comes in parts above the threshold, and in one go up to it`() async throws {
        let rig = try await PullingRig(limits: .init(total: 4, perHost: 4, rangeThreshold: 20))
        rig.registry.state.withLock { $0.givesParts = true }
        let image = try rig.registry.add(
            "app:1", layers: ["a layer of more than twenty bytes", "of at most twenty   "])
        _ = try await rig.pull("app:1")
        let (parts, whole) = rig.registry.state.withLock { ($0.partGets, $0.blobGets) }
        #expect(parts[image.layers[0].digest] == 1 && whole[image.layers[0].digest] == nil)
        #expect(parts[image.layers[1].digest] == nil && whole[image.layers[1].digest] == 1)
    }

    @Test func `whose parts do not make the layer is fetched once more, in one go`() async throws {
        let rig = try await PullingRig(limits: .init(total: 4, perHost: 4, rangeThreshold: 20))
        let image = try rig.registry.add("app:1", layers: ["a layer of more than twenty bytes"])
        let layer = image.layers[0].digest
        rig.registry.state.withLock {
            $0.givesParts = true
            $0.partsServed[layer] = Array("A layer of more than twenty bytes".utf8)
        }
        let (outcome, _) = try await rig.pull("app:1")
        #expect(outcome.digest == image.target.digest)
        #expect(rig.registry.state.withLock { $0.blobGets[layer] } == 1)
    }
}

@Suite struct `A pull that keeps an image warm` {
    @Test func `spends no allowance that is kept for people`() async throws {
        let rig = try await PullingRig()
        try rig.registry.add("app:1", layers: ["layer"])
        rig.registry.state.withLock { $0.refusesWarm = true }
        await #expect(throws: FakeRegistry.Missing.self) {
            let request = PullRequest(reference: try Reference(parsing: "app:1"), purpose: .warm)
            _ = try await rig.puller.pull(request).outcome()
        }
        #expect(rig.registry.state.withLock { $0.documentGets.isEmpty })
        _ = try await rig.pull("app:1")
    }
}

private func bring(
    from place: Place, into store: MemoryContentStore, slots: SlotQueue = SlotQueue(total: 4, perKey: 4)
) async throws {
    let source = TransferSource(repository: try Repository(parsing: "r.example/a"), credential: nil)
    try await store.ingest(sample.descriptor) { writer in
        let context = RangedTransfer.Context(
            fetcher: place, slots: slots, governors: StreamGovernors(limit: 4), lane: 1, source: source,
            sizes: .init(shortest: 5000, longest: 20_000))
        let progress = BlobProgress(sample.descriptor, held: writer.held, watch: TransferWatch())
        try await RangedTransfer(sample.descriptor, writer: writer, progress: progress, context: context).run()
    }
}

private struct Broken: Error {}

/// Gives out parts of the blob, and breaks at one byte of it if it is told to.
private final class Place: Fetcher {
    private let failing: Int64
    private let state = Locked((asked: [Range<Int64>](), sent: Int64(0), active: 0, peak: 0))

    init(failingAt failing: Int64 = .max) { self.failing = failing }

    var asked: [Range<Int64>] { state.withLock { $0.asked } }
    var bytesSent: Int64 { state.withLock { $0.sent } }
    var peak: Int { state.withLock { $0.peak } }

    func part(
        _ range: Range<Int64>, of descriptor: Descriptor, in repository: Repository, credential: Credential?,
        route: BlobRoute, into receiver: any BlobReceiver
    ) async throws {
        state.withLock {
            $0.asked.append(range)
            $0.active += 1
            $0.peak = max($0.peak, $0.active)
        }
        defer { state.withLock { $0.active -= 1 } }
        while receiver.offset < range.upperBound {
            guard receiver.offset < failing else { throw Broken() }
            let end = min(receiver.offset + 1000, range.upperBound, failing)
            let piece = Array(sample.bytes[Int(receiver.offset)..<Int(end)])
            try receiver.receive(piece.span.bytes)
            state.withLock { $0.sent += Int64(piece.count) }
            await Task.yield()
        }
    }

    func document(
        _ descriptor: Descriptor, in repository: Repository, limit: Int, credential: Credential?
    ) async throws -> [UInt8] { throw Broken() }

    func blob(
        _ descriptor: Descriptor, in repository: Repository, credential: Credential?, into receiver: any BlobReceiver
    ) async throws { throw Broken() }
}
