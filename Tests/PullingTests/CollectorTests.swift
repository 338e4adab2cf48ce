import Catalogue
import Coordination
import OCI
import Storage
import TestSupport
import Testing

@testable import Pulling

/// Runs what a test put there, once, when a collection comes to a step.
final class Interruption: Sendable {
    private let actions = Locked<[(Collector.Step, @Sendable () async -> Void)]>([])

    func at(_ step: Collector.Step, _ action: @escaping @Sendable () async -> Void) {
        actions.withLock { $0.append((step, action)) }
    }

    func reached(_ step: Collector.Step) async {
        let due = actions.withLock { actions in
            let due = actions.filter { $0.0 == step }.map(\.1)
            actions.removeAll { $0.0 == step }
            return due
        }
        for action in due { await action() }
    }
}

@Suite struct `A removal beside a pull` {
    private func rig() async throws -> (PullingRig, Interruption) {
        let interruption = Interruption()
        let rig = try await PullingRig(observe: { await interruption.reached($0) })
        return (rig, interruption)
    }

    /// Everything the catalogue refers to is in the store.
    private func everythingIsHere(_ rig: PullingRig) async throws {
        for image in try await rig.catalogue.images() {
            for blob in try await rig.catalogue.blobs(of: image.id) {
                #expect(try await rig.store.size(of: blob.digest) == blob.size, "\(blob.role) \(blob.digest)")
            }
        }
    }

    /// As long as the catalogue has the image, its blobs are in the store: rows go before files. For whoever alone
    /// pulls it, so that it cannot have come back in between.
    private func isWhole(_ image: Digest, _ rig: PullingRig) async throws {
        for blob in try await rig.catalogue.blobs(of: image) where try await rig.store.size(of: blob.digest) == nil {
            #expect(try await rig.catalogue.image(image) == nil, "\(blob.role) \(blob.digest) was taken from it")
        }
    }

    @Test(arguments: [Collector.Step.dropped, .claimed, .checked, .removed])
    func `at any step of it leaves the pull whole`(step: Collector.Step) async throws {
        let (rig, interruption) = try await rig()
        let shared = "a layer of both images"
        try rig.registry.add("old:1", layers: [shared, "only old"])
        try rig.registry.add("new:1", layers: [shared, "only new"])
        let old = try await rig.pull("old:1").outcome.digest
        // A pull that meets a claimed blob waits for the end of the claim, so it is not waited for in the step.
        let started = Locked<Task<Void, any Error>?>(nil)
        interruption.at(step) {
            let pull = Task { _ = try await rig.pull("new:1") }
            started.withLock { $0 = pull }
            if step == .dropped { return _ = await pull.result }
            // With its manifest at hand the pull asks for the layers next, and meets the claim.
            while rig.registry.state.withLock({ $0.documentGets.count }) < 2 { await Task.yield() }
            for _ in 0..<500 { await Task.yield() }
        }
        let removed = try await rig.collector.remove(images: [old])
        try await started.withLock { $0 }?.value
        try await everythingIsHere(rig)
        #expect(try await rig.catalogue.image(named: Reference(parsing: "new:1")) != nil)
        #expect(removed.bytes > 0)
    }

    @Test func `does not take from a pull under way what it was told is here`() async throws {
        let gate = Gate()
        let rig = try await PullingRig(gate: gate)
        let shared = try rig.registry.add("old:1", layers: ["shared"]).layers[0]
        try rig.registry.add("new:1", layers: ["shared", "a layer that comes late"])
        gate.open()
        let old = try await rig.pull("old:1").outcome.digest
        let late = Gate()
        let slow = try await PullingRig(gate: late, sharing: rig)
        let pull = try await slow.start("new:1")
        await late.arrivals(1)
        let removed = try await rig.collector.remove(images: [old])
        #expect(removed.collected.left.contains(shared.digest))
        #expect(try await rig.store.size(of: shared.digest) == shared.size)
        late.open()
        _ = try await pull.outcome()
        try await everythingIsHere(slow)
        #expect(rig.registry.state.withLock { $0.blobGets[shared.digest] } == 1, "nothing was fetched twice")
    }

    @Test func `removes what a pull held once that failed`() async throws {
        let (rig, _) = try await rig()
        let shared = try rig.registry.add("old:1", layers: ["shared"]).layers[0]
        let old = try await rig.pull("old:1").outcome.digest
        let lease = rig.collector.lease()
        try await lease.hold(shared.digest)
        try await lease.hold(shared.digest)
        #expect(try await rig.collector.remove(images: [old]).collected.left == [shared.digest])
        #expect(try await rig.store.size(of: shared.digest) != nil)
        try await lease.end()
        #expect(try await rig.store.size(of: shared.digest) == nil)
    }

    @Test func `takes up with the next collection what a dropped lease left`() async throws {
        let (rig, _) = try await rig()
        let shared = try rig.registry.add("old:1", layers: ["shared"]).layers[0]
        let old = try await rig.pull("old:1").outcome.digest
        do {
            let lease = rig.collector.lease()
            try await lease.hold(shared.digest)
            _ = try await rig.collector.remove(images: [old])
        }
        #expect(try await rig.store.size(of: shared.digest) != nil)
        try await rig.collector.collect([])
        #expect(try await rig.store.size(of: shared.digest) == nil)
    }

    @Test func `in a loop fails no pull and loses no blob`() async throws {
        let (rig, _) = try await rig()
        for number in 0..<6 {
            try rig.registry.add("app\(number):1", layers: ["base", "middle \(number % 2)", "own \(number)"])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<6 {
                group.addTask {
                    for _ in 0..<15 { try await isWhole(rig.pull("app\(number):1").outcome.digest, rig) }
                }
            }
            group.addTask {
                for _ in 0..<60 {
                    _ = try await rig.collector.prune(all: true, dryRun: false)
                    await Task.yield()
                }
            }
            try await group.waitForAll()
        }
        try await everythingIsHere(rig)
        for number in 0..<6 { _ = try await rig.pull("app\(number):1") }
        try await everythingIsHere(rig)
        #expect(rig.collector.heldBlobs == 0)
        _ = try await rig.collector.prune(all: true, dryRun: false)
        #expect(try await rig.store.blobs().isEmpty)
    }

    @Test func `by retagging and removing while pulling ends in a state that adds up`() async throws {
        let (rig, _) = try await rig()
        for number in 0..<4 { try rig.registry.add("app:\(number)", layers: ["base", "own \(number)"]) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                group.addTask {
                    for _ in 0..<10 { try await isWhole(rig.pull("app:\(number)").outcome.digest, rig) }
                }
                group.addTask {
                    let name = try Reference(parsing: "app:\(number)")
                    let other = try Reference(parsing: "other:\(number)")
                    for turn in 0..<20 {
                        if let image = try await rig.catalogue.image(named: name) {
                            do {
                                try await rig.catalogue.tag(image.id, as: [other])
                            } catch CatalogueError.noSuchImage {}
                            // The image goes with every second removal: its other name keeps it otherwise.
                            _ = try await rig.collector.remove(
                                names: turn % 2 == 0 ? [name] : [name, other], images: [image.id], sparing: .named)
                        }
                        await Task.yield()
                    }
                }
            }
            try await group.waitForAll()
        }
        try await everythingIsHere(rig)
    }
}

@Suite struct `Pinning` {
    @Test func `by name or ID shows in the index and keeps from pruning`() async throws {
        let rig = try await PullingRig()
        try rig.registry.add("app:1", layers: ["1"])
        try rig.registry.add("app:2", layers: ["2"])
        let first = try await rig.pull("app:1").outcome.digest
        _ = try await rig.pull("app:2")
        #expect(try await rig.collector.pin("\(first)").map(\.familiar) == ["app:1"])
        #expect(rig.projected.withLock { $0.map(\.isPinned) } == [true, false])
        let dry = try await rig.collector.prune(all: true, dryRun: true)
        let wet = try await rig.collector.prune(all: true, dryRun: false)
        #expect(dry.images.map(\.id) == wet.images.map(\.id) && dry.bytes == wet.bytes && wet.bytes > 0)
        #expect(try await rig.catalogue.images().map(\.id) == [first])
        #expect(try await rig.collector.unpin("app:1").count == 1)
        _ = try await rig.collector.remove(names: [Reference(parsing: "app:1")], images: [])
        await #expect(throws: PullingError.self) { try await rig.collector.pin("\(first)") }
    }
}
