import Coordination
import OCI
import Pulling
import Storage
import TestSupport
import Testing

@testable import Pulling

@Suite struct `Those who wait for a pull` {
    @Test func `end it when the last of them leaves`() async throws {
        let gate = Gate()
        let rig = try await PullingRig(gate: gate)
        let image = try rig.registry.add("app:1", layers: ["never finished"])
        let client = Task { try await rig.pull("app:1") }
        await gate.arrivals(2)
        client.cancel()
        await #expect(throws: CancellationError.self) { try await client.value }
        // The job is gone: the next pull starts anew, and finds nothing half-done made visible.
        #expect(try await rig.store.size(of: image.layers[0].digest) == nil)
        gate.open()
        let (outcome, _) = try await rig.pull("app:1")
        #expect(outcome.digest == image.target.digest)
    }

    @Test func `end it as well when they leave between two events, or while they wait for the end`() async throws {
        let gate = Gate()
        let rig = try await PullingRig(gate: gate)
        let image = try rig.registry.add("app:1", layers: ["never finished"])
        let (told, tell) = AsyncStream<Void>.makeStream()
        let client = Task {
            let pull = try await rig.start("app:1")
            var iterator = pull.events.makeAsyncIterator()
            _ = try await iterator.next()
            tell.finish()
            // Busy with the event while it is cancelled: the stream then ends as if all were well.
            while !Task.isCancelled { await Task.yield() }
            while try await iterator.next() != nil {}
            return try await pull.outcome()
        }
        for await _ in told {}
        await gate.arrivals(2)
        client.cancel()
        await #expect(throws: CancellationError.self) { try await client.value }
        gate.open()
        let (outcome, _) = try await rig.pull("app:1")
        #expect(outcome.digest == image.target.digest)
        #expect(rig.registry.state.withLock { $0.blobGets[image.layers[0].digest] } == 2, "the first was not ended")
    }

    @Test func `do not lose it when the first of them leaves`() async throws {
        let gate = Gate()
        let rig = try await PullingRig(gate: gate)
        let image = try rig.registry.add("app:1", layers: ["goes on"])
        let first = Task { try await rig.pull("app:1") }
        await gate.arrivals(2)
        let second = try await rig.start("app:1")
        first.cancel()
        _ = try? await first.value
        gate.open()
        for try await _ in second.events {}
        #expect(try await second.outcome().digest == image.target.digest)
        #expect(rig.registry.state.withLock { $0.blobGets[image.layers[0].digest] } == 1)
    }

    @Test func `are told where things stand when they come late`() async throws {
        let gate = Gate()
        let rig = try await PullingRig(gate: gate)
        let image = try rig.registry.add("app:1", layers: ["late to this one"])
        let first = Task { try await rig.pull("app:1") }
        await gate.arrivals(2)
        let second = try await rig.start("app:1")
        var iterator = second.events.makeAsyncIterator()
        let told = try await iterator.next()
        guard case .layer(let layer, .downloading(let current, let total)) = told else {
            Issue.record("\(String(describing: told)) is not where the layer stands")
            return
        }
        #expect(layer.digest == image.layers[0].digest && current > 0 && current < total)
        gate.open()
        _ = try await first.value
    }
}

@Suite struct `A mailbox` {
    private let layer = Descriptor(
        mediaType: .ociLayer, digest: Digest(.sha256, bytes: Array(repeating: 1, count: 32)), size: 9)

    @Test func `keeps the newest figure and every change of state`() async throws {
        let box = PullMailbox()
        box.post(.layer(layer, .waiting))
        for held in 1...5000 { box.post(.layer(layer, .downloading(current: Int64(held), total: 9000))) }
        box.post(.layer(layer, .verifying))
        box.finish(.success(()))
        var events: [PullEvent] = []
        while let event = try await box.next() { events.append(event) }
        #expect(
            events == [
                .layer(layer, .waiting), .layer(layer, .downloading(current: 5000, total: 9000)),
                .layer(layer, .verifying),
            ])
    }

    @Test func `gives the fault that ended the pull after what came before it`() async throws {
        let box = PullMailbox()
        box.post(.layer(layer, .waiting))
        box.finish(.failure(FakeRegistry.Missing(what: "x")))
        #expect(try await box.next() == .layer(layer, .waiting))
        await #expect(throws: FakeRegistry.Missing.self) { try await box.next() }
    }
}
