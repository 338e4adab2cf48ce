internal import Catalogue
internal import EngineAPI
internal import NativeAPI
internal import OCI
internal import Observability
internal import Pulling
internal import Registry
internal import Storage
internal import Transport
internal import Warming

/// The parts, put together.
extension LayerdDaemon {
    /// What the services work with.
    struct Parts: Sendable {
        let catalogue: Catalogue
        let store: LocalContentStore
        let collector: Collector
        let registry: RegistryClient
        let puller: Puller
        let scrubber: Scrubber
        let keeper: SpaceKeeper
        let warmer: Warmer
        let engines: LocalEngines
        let events: ImageEventLog
        let metrics: DaemonMetrics
    }

    func assemble(_ store: LocalContentStore, _ catalogue: Catalogue, http: CurlClient) -> Parts {
        let metrics = DaemonMetrics()
        let events = ImageEventLog { Timestamp.now() }
        let collector = Collector(store: store, catalogue: catalogue, metrics: metrics, events: events) {
            try await store.writeIndex($0)
        }
        let registry = registries(http)
        let puller = puller(store, catalogue, collector, events, registry, metrics)
        let engines = LocalEngines(http: http)
        let warmer = Warmer(
            lists: configuration.warm, puller: puller, catalogue: catalogue, collector: collector,
            feeder: engines, now: { Timestamp.now() })
        return Parts(
            catalogue: catalogue, store: store, collector: collector, registry: registry, puller: puller,
            scrubber: Scrubber(store: store, healer: puller.healer),
            keeper: keepSpace(store: store, catalogue: catalogue, collector: collector),
            warmer: warmer, engines: engines, events: events, metrics: metrics)
    }

    func control(_ parts: Parts, started: ContinuousClock.Instant) throws -> ControlHandler {
        ControlHandler(
            engine: engine(
                parts.store, parts.catalogue, parts.puller, parts.collector, parts.events, parts.registry),
            native: NativeRoutes(
                context: NativeContext(
                    catalogue: parts.catalogue, store: parts.store, puller: parts.puller,
                    comparer: comparer(parts.catalogue, parts.store, parts.registry), collector: parts.collector,
                    metrics: parts.metrics, scrubber: parts.scrubber,
                    registries: { [names = configuration.registries.map(\.name), registry = parts.registry] in
                        Self.reports(of: names, registry)
                    }, now: { Timestamp.now() }, version: Version.current,
                    started: started, keeper: parts.keeper,
                    warmer: parts.warmer)),
            metrics: parts.metrics, access: try access(), logger: logger)
    }
}
