import Catalogue
import Coordination
import OCI
import Registry
import Storage
import TestSupport

@testable import Pulling

/// A puller between a registry in memory, a store in memory and a catalogue in memory.
struct PullingRig {
    let registry: FakeRegistry
    let store: MemoryContentStore
    let catalogue: Catalogue
    let puller: Puller
    let events = ImageEventLog { Timestamp(seconds: 1_700_000_000) }
    let collector: Collector
    let projected = Locked([NamedDescriptor]())

    /// - Parameter sharing: another rig, whose content, store, catalogue and collector are this one's too.
    init(
        gate: Gate? = nil, limits: Puller.Limits = .init(total: 4, perHost: 4),
        sharing other: PullingRig? = nil,
        observe: @escaping @Sendable (Collector.Step) async -> Void = { _ in }
    ) async throws {
        registry = FakeRegistry(gate: gate, sharing: other?.registry)
        store = other?.store ?? MemoryContentStore()
        if let other {
            catalogue = other.catalogue
        } else {
            catalogue = try await Catalogue.open(path: nil) { Timestamp(seconds: 1_700_000_000) }
        }
        let projected = self.projected
        collector =
            other?.collector
            ?? Collector(
                store: store, catalogue: catalogue, events: events,
                project: { entries in projected.withLock { $0 = entries } },
                observe: observe)
        puller = Puller(
            resolver: registry, fetcher: registry, store: store, catalogue: catalogue, limits: limits,
            events: events, collector: collector)
    }

    func start(_ name: String, platform: String? = nil) async throws -> Pull {
        try await puller.pull(
            PullRequest(
                reference: try Reference(parsing: name), platform: try platform.map { try Platform(parsing: $0) }))
    }

    /// Pulls to the end.
    func pull(_ name: String, platform: String? = nil) async throws -> (outcome: PullOutcome, events: [PullEvent]) {
        let pull = try await start(name, platform: platform)
        var events: [PullEvent] = []
        for try await event in pull.events { events.append(event) }
        return (try await pull.outcome(), events)
    }
}

/// The states one layer went through, progress left out.
func states(of layer: Descriptor, in events: [PullEvent]) -> [LayerState] {
    events.compactMap { event in
        guard case .layer(let descriptor, let state) = event, descriptor.digest == layer.digest else { return nil }
        if case .downloading = state { return nil }
        return state
    }
}
