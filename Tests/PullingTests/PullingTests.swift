import Catalogue
import Coordination
import OCI
import Pulling
import Storage
import TestSupport
import Testing

@Suite struct `A pull` {
    @Test func `brings config and layers, records the image and names it in the index`() async throws {
        let rig = try await PullingRig()
        let image = try rig.registry.add("app:1", layers: ["base layer", "app layer"])
        let (outcome, events) = try await rig.pull("app:1")
        #expect(outcome.digest == image.target.digest)
        #expect(!outcome.upToDate)
        #expect(outcome.fetchedBlobs == 4)
        let total = ([image.manifest, image.config] + image.layers).reduce(Int64(0)) { $0 + $1.size }
        #expect(outcome.fetchedBytes == total)
        for blob in [image.manifest, image.config] + image.layers {
            #expect(try await rig.store.size(of: blob.digest) == blob.size)
        }
        let summary = try #require(try await rig.catalogue.image(image.target.digest))
        #expect(summary.tags.map(\.familiar) == ["app:1"])
        #expect(summary.size == total)
        #expect(summary.labels.map(\.value) == ["here"])
        #expect(rig.projected.withLock { $0.map(\.reference.description) } == ["docker.io/library/app:1"])
        for layer in image.layers {
            #expect(states(of: layer, in: events) == [.waiting, .verifying, .downloaded, .complete])
        }
    }

    @Test func `of what is here already asks the registry for the name only`() async throws {
        let rig = try await PullingRig()
        try rig.registry.add("app:1", layers: ["one", "two"])
        _ = try await rig.pull("app:1")
        let before = rig.registry.state.withLock { ($0.blobGets.count, $0.documentGets.count) }
        let (outcome, events) = try await rig.pull("app:1")
        #expect(outcome.upToDate && outcome.fetchedBytes == 0 && outcome.fetchedBlobs == 0)
        #expect(rig.registry.state.withLock { ($0.blobGets.count, $0.documentGets.count) } == before)
        let untouched = events.allSatisfy { event in
            if case .layer(_, let state) = event { state == .exists } else { true }
        }
        #expect(untouched)
    }

    @Test func `fetches only the layers that no other image brought`() async throws {
        let rig = try await PullingRig()
        try rig.registry.add("one:1", layers: ["shared base", "only one"])
        let two = try rig.registry.add("two:1", layers: ["shared base", "only two"])
        _ = try await rig.pull("one:1")
        let (outcome, events) = try await rig.pull("two:1")
        #expect(rig.registry.state.withLock { $0.blobGets[two.layers[0].digest] } == 1)
        #expect(states(of: two.layers[0], in: events) == [.exists])
        #expect(outcome.sharedBytes == two.layers[0].size)
        #expect(outcome.fetchedBytes == two.manifest.size + two.config.size + two.layers[1].size)
    }

    @Test func `that sixteen want at once fetches everything once`() async throws {
        let gate = Gate()
        let rig = try await PullingRig(gate: gate)
        let image = try rig.registry.add("app:1", layers: ["one", "two", "three"])
        let outcomes = try await withThrowingTaskGroup(of: PullOutcome.self) { group in
            for _ in 0..<16 { group.addTask { try await rig.pull("app:1").outcome } }
            await gate.arrivals(4)
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count == 16)
        for blob in image.layers + [image.config] {
            #expect(rig.registry.state.withLock { $0.blobGets[blob.digest] } == 1)
        }
    }

    @Test func `shares a layer under way with a pull from another repository`() async throws {
        let gate = Gate()
        let rig = try await PullingRig(gate: gate)
        let one = try rig.registry.add("one:1", layers: ["the very same"])
        try rig.registry.add("other/two:1", layers: ["the very same"])
        async let first = rig.pull("one:1")
        async let second = rig.pull("other/two:1")
        await gate.arrivals(2)
        gate.open()
        _ = try await (first, second)
        #expect(rig.registry.state.withLock { $0.blobGets[one.layers[0].digest] } == 1)
    }

    @Test func `of a layer that occurs twice fetches and counts it once`() async throws {
        let rig = try await PullingRig()
        let image = try rig.registry.add("twice:1", layers: ["again", "again"])
        let (outcome, _) = try await rig.pull("twice:1")
        #expect(rig.registry.state.withLock { $0.blobGets[image.layers[0].digest] } == 1)
        #expect(outcome.fetchedBytes == image.manifest.size + image.config.size + image.layers[0].size)
    }

    @Test func `by digest names the image by its digest`() async throws {
        let rig = try await PullingRig()
        let image = try rig.registry.add("app:1", layers: ["one"])
        let (outcome, _) = try await rig.pull("app@\(image.target.digest)")
        #expect(outcome.digest == image.target.digest)
        let summary = try #require(try await rig.catalogue.image(image.target.digest))
        #expect(summary.tags.isEmpty)
        #expect(summary.digests.map(\.familiar) == ["app@\(image.target.digest)"])
        let asked = rig.registry.state.withLock { $0.resolved }
        let (again, _) = try await rig.pull("app@\(image.target.digest)")
        #expect(again.upToDate)
        #expect(rig.registry.state.withLock { $0.resolved } == asked, "a digest means the same for ever")
    }

    @Test func `of a tag that moved takes the new image and leaves the old one untagged`() async throws {
        let rig = try await PullingRig()
        let old = try rig.registry.add("app:1", layers: ["old"])
        _ = try await rig.pull("app:1")
        let new = try rig.registry.add("app:1", layers: ["new"])
        let (outcome, _) = try await rig.pull("app:1")
        #expect(outcome.digest == new.target.digest)
        #expect(try await rig.catalogue.image(old.target.digest)?.tags.isEmpty == true)
        #expect(try await rig.catalogue.images().count == 2)
    }
}
