import Catalogue
import Hashing
import Logging
import OCI
import Pulling
import Storage
import TestSupport
import Testing

@testable import Daemon

@Suite struct `What failed pulls left` {
    @Test func `is swept away by itself, and nothing else is`() async throws {
        let directory = try TemporaryDirectory("layerd-space")
        let store = try await LocalContentStore(root: directory.path("state"))
        let catalogue = try await Catalogue.open(path: nil) { .now() }
        let collector = Collector(store: store, catalogue: catalogue) { _ in }
        let keeper = SpaceKeeper(
            quota: Quota(), store: store, disk: store, catalogue: catalogue, collector: collector, now: { .now() },
            tell: { _ in })
        let stray = try await put("stray", store)
        let held = try await put("held", store)
        let lease = collector.lease()
        try await lease.hold(held.digest)
        let used = try await put("used", store)
        try await catalogue.record(
            ImageEntry(target: used, manifests: [], blobs: [BlobEntry(descriptor: used, role: .manifest)]),
            named: [try Reference(parsing: "used")])
        let half = Descriptor(mediaType: .ociLayer, digest: .sha256(of: [1, 2]), size: 2)
        await #expect(throws: (any Error).self) {
            try await store.ingest(half) { writer in
                try writer.append([UInt8(1)].span.bytes)
                throw CancellationError()
            }
        }
        let service = SpaceService(
            keeper: keeper, collector: collector, store: store, logger: Logger(label: "test"),
            pause: .milliseconds(5), sweepEvery: .zero, grace: .zero)
        let running = Task { try await service.run() }
        while try await store.size(of: stray.digest) != nil { try await Task.sleep(for: .milliseconds(5)) }
        while try await !store.ingests().isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        running.cancel()
        try await running.value
        #expect(try await store.size(of: held.digest) != nil)
        #expect(try await store.size(of: used.digest) != nil)
        try await lease.end()
        try await catalogue.close()
        store.close()
    }

    private func put(_ text: String, _ store: LocalContentStore) async throws -> Descriptor {
        let bytes = Array(text.utf8)
        let blob = Descriptor(mediaType: .ociManifest, digest: .sha256(of: bytes), size: Int64(bytes.count))
        try await store.ingest(blob) { try $0.append(bytes.span.bytes) }
        return blob
    }
}
