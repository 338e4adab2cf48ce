internal import Catalogue
internal import Logging
internal import MirrorAPI
internal import OCI
internal import Observability
internal import Pulling
internal import Registry
internal import ServiceLifecycle
internal import Serving
internal import Storage

extension LayerdDaemon {
    /// The mirror, unless the configuration turns it off.
    func mirror(
        puller: Puller, registry: RegistryClient, store: LocalContentStore, catalogue: Catalogue,
        metrics: DaemonMetrics, passed: [Int32], listening: @escaping @Sendable ([BoundAddress]) -> Void
    ) -> MirrorService? {
        let settings = configuration.mirror
        // Sockets that systemd holds go before: a restart then refuses no engine.
        let chosen = configuration.mirrorListeners()
        let listeners = passed.isEmpty || chosen.isEmpty ? chosen : passed.map { Listener.inherited(fd: $0) }
        guard !listeners.isEmpty else { return nil }
        let content = PullThrough(
            puller: puller, registry: registry.hurried, store: store, catalogue: catalogue,
            registries: configuration.registries.map { host in
                let freshness = settings.freshness[host.name] ?? Configuration.Freshness()
                return MirroredRegistry(
                    name: host.name, revalidateAfter: freshness.revalidateAfter,
                    patterns: freshness.patterns.map { ($0.pattern, $0.revalidateAfter) })
            },
            servesPrivate: settings.servesPrivate, now: { Timestamp.now() })
        let server = HTTPServer(
            listeners: listeners,
            handler: MirrorHandler(
                routes: MirrorRoutes(content: content, hosts: settings.hosts), metrics: metrics, logger: logger),
            limits: ServerLimits())
        return MirrorService(
            server: server, content: content, isChosen: settings.isChosen, logger: logger, listening: listening)
    }
}

/// The mirror, as a service that ends gracefully.
struct MirrorService: Service {
    let server: HTTPServer
    let content: PullThrough
    let isChosen: Bool
    let logger: Logger
    let listening: @Sendable ([BoundAddress]) -> Void

    /// Files that nobody asks for are let go at this pace.
    private static let tidying: Duration = .seconds(5)

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await serve() }
                    group.addTask {
                        while true {
                            try await Task.sleep(for: Self.tidying)
                            await content.tidy()
                        }
                    }
                    try await group.next()
                    group.cancelAll()
                }
            }
        } catch let error as ServingError where !isChosen {
            // The default address is a convenience that another layerd on this machine may have taken.
            logger.warning("no mirror: \(error); choose another address with [mirror] listen, or [] for none")
            try await gracefulShutdown()
        } catch is CancellationError {
            return
        }
    }

    private func serve() async throws {
        try await server.run { addresses in
            listening(addresses)
            logger.info("mirror", metadata: ["listen": "\(addresses.map { "\($0)" }.joined(separator: ", "))"])
        }
    }
}

/// Answers, counts and logs.
private struct MirrorHandler: RequestHandler {
    let routes: MirrorRoutes
    let metrics: DaemonMetrics
    let logger: Logger
    // Looked up once, for what is answered ten thousand times a second.
    private let latency: Histogram, hits: Counter

    init(routes: MirrorRoutes, metrics: DaemonMetrics, logger: Logger) {
        self.routes = routes
        self.metrics = metrics
        self.logger = logger
        latency = metrics.requests["mirror"]
        hits = metrics.mirrorRequests["hit"]
    }

    func respondAtOnce(to request: ServerRequest) -> ServerResponse? {
        let began = ContinuousClock.now
        guard let response = routes.respondAtOnce(to: request) else { return nil }
        latency.observe(ContinuousClock.now - began)
        hits.add()
        if logger.logLevel <= .debug { log(request, response) }
        return response
    }

    func respond(to request: ServerRequest) async -> ServerResponse {
        let began = ContinuousClock.now
        let response = await routes.respond(to: request)
        latency.observe(ContinuousClock.now - began)
        metrics.mirrorRequests[response.headers.first("X-Layerd-Source") ?? "other"].add()
        if response.status >= 500 || logger.logLevel <= .debug { log(request, response) }
        return response
    }

    private func log(_ request: ServerRequest, _ response: ServerResponse) {
        logger.log(
            level: response.status >= 500 ? .warning : .debug, "mirror request",
            metadata: [
                "method": "\(request.method)", "path": "\(request.path)", "status": "\(response.status)",
                "ns": "\(request.parameter("ns") ?? "-")",
                "source": "\(response.headers.first("X-Layerd-Source") ?? "-")",
            ])
    }
}
