import Catalogue
import Coordination
import OCI
import Storage
import TestSupport
import Testing

@testable import Pulling

/// A store in memory whose blobs can be read again.
private struct Scrubbed: BlobScrubbing {
    let store: MemoryContentStore

    func blobs() async throws -> [(digest: Digest, size: Int64)] { try await store.blobs() }

    func scrub(_ digest: Digest, rate: Int64, keeping: Bool) async throws -> ScrubVerdict {
        if keeping {
            let file = try await store.open(digest)
            return try await store.size(of: digest) == file.size ? .intact : .gone
        }
        do {
            _ = try await store.read(digest, limit: 1 << 20)
            return .intact
        } catch let fault as any Fault where fault.kind == .integrity {
            return .damaged(reason: fault.description)
        }
    }
}

@Suite struct `A scrub` {
    /// What the blobs of an image are, by their place in it.
    enum Part: CaseIterable { case manifest, config, layer }

    @Test(arguments: Part.allCases)
    func `fetches anew what is damaged, from where it came, and the image is whole`(part: Part) async throws {
        let rig = try await PullingRig()
        let image = try rig.registry.add("app:1", layers: ["first", "second"])
        _ = try await rig.pull("app:1")
        let before = try await rig.catalogue.totals()
        let manifest = try await rig.catalogue.manifests(of: image.target.digest)[0]
        let victim =
            switch part {
            case .manifest: image.target.digest
            case .config: try #require(manifest.config).digest
            case .layer: image.layers[1].digest
            }
        rig.store.plant(Array("rotten".utf8), under: victim)
        let report = try await scrubber(rig).run()
        #expect(report.damaged.map(\.digest) == [victim])
        #expect(report.damaged.first?.healing == .healed)
        #expect(report.blobs == 4)
        #expect(try await rig.catalogue.totals() == before)
        #expect(try await rig.catalogue.manifests(of: image.target.digest).map(\.available) == [true])
        #expect(try await scrubber(rig).run().damaged.isEmpty)
    }

    @Test func `that cannot fetch it anew takes it out of the catalogue, and the next pull brings it`() async throws {
        let rig = try await PullingRig()
        let image = try rig.registry.add("app:1", layers: ["first", "second"])
        _ = try await rig.pull("app:1")
        let (victim, before) = (image.layers[0], try await rig.catalogue.totals())
        let bytes = rig.registry.state.withLock { $0.blobs.removeValue(forKey: victim.digest) }
        rig.store.plant(Array("rotten".utf8), under: victim.digest)
        let report = try await scrubber(rig).run()
        guard case .failed? = report.damaged.first?.healing else {
            Issue.record("\(report)")
            return
        }
        #expect(try await rig.catalogue.totals().layersSize == before.layersSize - victim.size)
        #expect(try await rig.catalogue.manifests(of: image.target.digest).map(\.available) == [false])
        rig.registry.state.withLock { $0.blobs[victim.digest] = bytes }
        let again = try await rig.pull("app:1").outcome
        #expect(!again.upToDate)
        #expect(try await rig.catalogue.totals() == before)
    }

    @Test func `leaves alone in quarantine what no image needs`() async throws {
        let rig = try await PullingRig()
        let orphan = SampleBlob(count: 100)
        try await rig.store.ingest(orphan)
        rig.store.plant([1], under: orphan.digest)
        #expect(try await scrubber(rig).run().damaged.map(\.healing) == [.notNeeded])
    }

    private func scrubber(_ rig: PullingRig) -> Scrubber {
        Scrubber(store: Scrubbed(store: rig.store), healer: rig.puller.healer)
    }
}
