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
internal import UnixSignals

/// The daemon: the parts put together, and their life.
public struct LayerdDaemon: Sendable {
    private let configuration: Configuration
    private let stateDirectory: String
    let logger: Logger

    /// - Parameter stateDirectory: holds `store/`, `ingest/`, `quarantine/` and `catalog.sqlite`; made if it is
    /// missing.
    public init(configuration: Configuration, stateDirectory: String, logger: Logger) {
        self.configuration = configuration
        self.stateDirectory = stateDirectory
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT, lets running requests end, and closes everything in the opposite order.
    /// - Throws: a ``Fault`` when a part cannot start: a state directory that is in use, a damaged catalogue, a socket
    ///   that somebody else answers at.
    public func run() async throws {
        let started = ContinuousClock.now
        let store = try await LocalContentStore(root: stateDirectory)
        let catalogue = try await Catalogue.open(path: stateDirectory + "/catalog.sqlite") { Timestamp.now() }
        let metrics = DaemonMetrics()
        let collector = Collector(store: store, catalogue: catalogue, metrics: metrics) {
            try await store.writeIndex($0)
        }
        // A crash may have come between the catalogue and the index that follows it.
        try await collector.updateIndex()
        let http = CurlClient(
            maximumConnections: configuration.pull.maxConnections * 2, perHost: configuration.pull.perHost * 2,
            userAgent: "layerd/\(Version.current)")
        let registry = RegistryClient(
            http: http, hosts: configuration.registries, anyRegistry: configuration.pull.anyRegistry,
            credentials: keptCredentials(),
            retry: RetryPolicy(attempts: configuration.pull.retries + 1))
        let events = ImageEventLog { Timestamp.now() }
        let puller = Puller(
            resolver: registry, fetcher: registry, store: store, catalogue: catalogue,
            limits: Puller.Limits(total: configuration.pull.maxConnections, perHost: configuration.pull.perHost),
            events: events, collector: collector, metrics: metrics)
        let control = ControlHandler(
            engine: EngineRoutes(
                context: EngineContext(
                    catalogue: catalogue, store: store, puller: puller, collector: collector,
                    saver: ImageSaver(catalogue: catalogue, store: store, collector: collector, events: events),
                    loader: ImageLoader(catalogue: catalogue, store: store, collector: collector, events: events),
                    events: events, registry: registry, daemon: facts(), now: { Timestamp.now() })),
            native: NativeRoutes(
                context: NativeContext(
                    catalogue: catalogue, store: store, puller: puller, collector: collector, metrics: metrics,
                    registries: { [names = configuration.registries.map(\.name)] in
                        names.map { RegistryReport(name: $0, allowance: registry.allowance(of: $0)) }
                    }, now: { Timestamp.now() }, version: Version.current, started: started)),
            metrics: metrics,
            logger: logger)
        try await serve(control, started: started, events: events)
        await http.shutdown()
        try await catalogue.close()
        store.close()
        logger.info("stopped")
    }

    /// Under systemd the socket's directory is there (`RuntimeDirectory=`); who starts layerd by hand need not make it.
    private func makeSocketDirectory() throws {
        let socket = configuration.control.socket
        guard let slash = socket.lastIndex(of: "/"), slash > socket.startIndex else { return }
        let directory = String(socket[..<slash])
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw DaemonError.socketDirectory(directory)
        }
    }

    private func serve(
        _ handler: ControlHandler, started: ContinuousClock.Instant, events: ImageEventLog
    ) async throws {
        try makeSocketDirectory()
        let server = HTTPServer(
            listeners: [.unix(path: configuration.control.socket, mode: 0o660, group: group())], handler: handler,
            limits: ServerLimits())
        let service = ControlService(server: server, events: events, logger: logger, started: started)
        // The library's own steps are of no use to an operator.
        var quiet = logger
        quiet.logLevel = .warning
        let services = ServiceGroup(
            configuration: .init(
                services: [.init(service: service)], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        try await services.run()
    }

    /// The socket's group. As with dockerd, a machine may lack the one that nobody chose; one that was chosen must be
    /// there, which the server sees to.
    private func group() -> String? {
        let name = configuration.control.group
        guard name == Configuration.Control().group, getgrnam(name) == nil else { return name }
        logger.warning("this machine has no group \(name): only the daemon's own user can use the control socket")
        return nil
    }

    private func facts() -> DaemonFacts {
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

/// What keeps the daemon from starting, besides what its parts say.
enum DaemonError: Fault {
    /// The directory that the control socket would be in can neither be found nor made.
    case socketDirectory(String)

    var kind: FaultKind { .forbidden }
    var description: String {
        switch self {
        case .socketDirectory(let path):
            "cannot make \(path), where the control socket goes: run layerd as root, or choose another place with "
                + "--socket or [control] socket"
        }
    }
}

/// The control socket, as a service that ends gracefully.
private struct ControlService: Service {
    let server: HTTPServer
    let events: ImageEventLog
    let logger: Logger
    let started: ContinuousClock.Instant

    func run() async throws {
        // Who watches events would keep the server waiting for as long as its patience lasts.
        try await withGracefulShutdownHandler {
            try await cancelWhenGracefulShutdown { try await server.run { ready($0) } }
        } onGracefulShutdown: {
            events.close()
        }
    }

    private func ready(_ addresses: [BoundAddress]) {
        let places = addresses.map { "\($0)" }.joined(separator: ", ")
        logger.info("ready", metadata: ["listen": "\(places)", "after": "\(ContinuousClock.now - started)"])
    }
}
