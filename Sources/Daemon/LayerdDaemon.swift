public import Logging
internal import Archives
internal import Catalogue
internal import Coordination
internal import EngineAPI
internal import FoundationEssentials
internal import Glibc
internal import Hashing
internal import NativeAPI
internal import OCI
internal import Observability
internal import Pulling
internal import Registry
internal import ServiceLifecycle
internal import Serving
internal import Storage
internal import Transport
internal import Warming

/// The daemon: the parts put together, and their life.
public struct LayerdDaemon: Sendable {
    let configuration: Configuration
    let stateDirectory: String
    let logger: Logger
    let log: LogLevel
    let reload: @Sendable () throws -> Configuration

    /// - Parameters:
    ///   - stateDirectory: holds `store/`, `ingest/`, `quarantine/` and `catalog.sqlite`; made if it is
    ///     missing.
    ///   - log: the level, which a reload may change.
    ///   - reload: how the configuration is read again at SIGHUP.
    public init(
        configuration: Configuration, stateDirectory: String, logger: Logger, log: LogLevel,
        reload: @escaping @Sendable () throws -> Configuration
    ) {
        self.configuration = configuration
        self.stateDirectory = stateDirectory
        self.logger = logger
        self.log = log
        self.reload = reload
    }

    /// Serves until SIGTERM or SIGINT, lets running requests end, and closes everything in the opposite order.
    /// - Throws: a ``Fault`` when a part cannot start: a state directory that is in use, a damaged catalogue, a socket
    ///   that somebody else answers at.
    public func run() async throws {
        let started = ContinuousClock.now
        MemoryService.bound()
        // What the loader and the libraries' own beginnings have touched.
        MemoryService.giveBack()
        // A file that a limit keeps from growing is an error of the write, as a reader that left is.
        signal(SIGXFSZ, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        let store = try await LocalContentStore(root: stateDirectory)
        if let doubt = await store.doubtAboutFileSystem() {
            logger.warning(
                "the state directory should be on another file system: \(doubt)",
                metadata: ["directory": "\(stateDirectory)"])
        }
        let catalogue = try await Opening(stateDirectory: stateDirectory, logger: logger).open(store)
        do {
            try await serve(store, catalogue, started: started)
        } catch {
            await Self.settle(store, catalogue, logger: logger)
            throw error
        }
        await Self.settle(store, catalogue, logger: logger)
        logger.info("stopped")
    }

    private func serve(
        _ store: LocalContentStore, _ catalogue: Catalogue, started: ContinuousClock.Instant
    ) async throws {
        let http = CurlClient(
            maximumConnections: configuration.pull.maxConnections * 2, perHost: configuration.pull.perHost * 2,
            userAgent: "layerd/\(Version.current)")
        let parts = assemble(store, catalogue, http: http)
        let passed = PassedSockets()
        let mirror = mirror(
            puller: parts.puller, registry: parts.registry, store: store, catalogue: catalogue,
            metrics: parts.metrics, passed: passed.mirror, listening: parts.engines.mirrorListens)
        let opened = Wait<Void>()
        let beside =
            logger.steadfast(
                care(parts) + [MemoryService(), layerCheck(catalogue, store, parts.events, after: opened)])
            + (mirror.map { [$0] } ?? [])
        do {
            try await serve(
                control(parts, started: started), parts, passed: passed, beside: beside, started: started,
                opened: opened)
        } catch {
            await http.shutdown()
            throw error
        }
        await http.shutdown()
    }

    func registries(_ http: CurlClient) -> RegistryClient {
        RegistryClient(
            http: http, hosts: configuration.registries, anyRegistry: configuration.pull.anyRegistry,
            credentials: keptCredentials(), retry: RetryPolicy(attempts: configuration.pull.retries + 1))
    }

    func puller(
        _ store: LocalContentStore, _ catalogue: Catalogue, _ collector: Collector, _ events: ImageEventLog,
        _ registry: RegistryClient, _ metrics: DaemonMetrics
    ) -> Puller {
        Puller(
            resolver: registry, fetcher: registry, store: store, catalogue: catalogue,
            limits: Puller.Limits(
                total: configuration.pull.maxConnections, perHost: configuration.pull.perHost,
                rangeThreshold: Int64(configuration.pull.rangeThreshold)),
            events: events, collector: collector, metrics: metrics)
    }

    func engine(
        _ store: LocalContentStore, _ catalogue: Catalogue, _ puller: Puller, _ collector: Collector,
        _ events: ImageEventLog, _ registry: RegistryClient
    ) -> EngineRoutes {
        EngineRoutes(
            context: EngineContext(
                catalogue: catalogue, store: store, puller: puller, collector: collector,
                saver: ImageSaver(catalogue: catalogue, store: store, collector: collector, events: events),
                loader: ImageLoader(catalogue: catalogue, store: store, collector: collector, events: events),
                events: events, registry: registry, daemon: facts(), now: { Timestamp.now() }))
    }

    func facts() -> DaemonFacts {
        let machine = MachineFacts.read()
        let hub = configuration.registries.first { $0.name == "docker.io" }
        return DaemonFacts(
            version: Version.current, gitCommit: Version.commit, buildTime: nil,
            identity: Self.identity(of: machine.hostName + stateDirectory), rootDirectory: stateDirectory,
            started: Timestamp.now(), machine: machine, hubMirrors: hub?.mirrors ?? [],
            insecureRegistries: configuration.registries.filter(\.insecure).map(\.name))
    }

    /// A name in the form of a UUID that stays the same as long as the host and the state directory do.
    private static func identity(of text: String) -> String {
        let hex = Array(Digest.sha256(of: Array(text.utf8)).hex)
        let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        return groups.map { String(hex[$0]) }.joined(separator: "-")
    }
}
