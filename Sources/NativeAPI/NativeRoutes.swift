// NativeAPI: the routes of our own, for what Docker has no words for, under `/layerd/v1/`. Wire JSON stays here: keys
// in lowerCamelCase, bytes as integers, times in RFC 3339.

public import Catalogue
public import OCI
public import Observability
public import Pulling
public import Serving
public import Warming

/// What the routes are answered from.
public struct NativeContext: Sendable {
    public var catalogue: Catalogue
    /// What the store takes from the disk.
    public var store: any StoreReporting
    public var puller: any ImagePuller
    public var planner: any PullPlanning
    /// Removes what is not needed.
    public var collector: Collector
    /// What a sweep looks through.
    public var swept: any SweptStore
    public var metrics: DaemonMetrics
    /// Reads blobs again.
    public var scrubber: Scrubber?
    /// How the registries do: those of the configuration, and others that were asked.
    public var registries: @Sendable () async -> [RegistryReport]
    public var now: @Sendable () -> Timestamp
    public var comparer: any ImageComparing
    /// layerd's own.
    public var version: String
    /// When the daemon began.
    public var started: ContinuousClock.Instant
    /// Keeps the quota, and knows why what is here; `nil` where nothing does.
    public var keeper: SpaceKeeper?
    /// Brings warm lists; `nil` where nothing does.
    public var warmer: Warmer?

    public init(
        catalogue: Catalogue, store: any StoreReporting & SweptStore, puller: any ImagePuller & PullPlanning,
        comparer: any ImageComparing, collector: Collector, metrics: DaemonMetrics = DaemonMetrics(),
        scrubber: Scrubber? = nil,
        registries: @escaping @Sendable () async -> [RegistryReport] = { [] }, now: @escaping @Sendable () -> Timestamp,
        version: String, started: ContinuousClock.Instant, keeper: SpaceKeeper? = nil, warmer: Warmer? = nil
    ) {
        self.catalogue = catalogue
        self.store = store
        self.puller = puller
        planner = puller
        self.collector = collector
        swept = store
        self.metrics = metrics
        self.scrubber = scrubber
        self.registries = registries
        self.now = now
        self.comparer = comparer
        self.version = version
        self.started = started
        self.keeper = keeper
        self.warmer = warmer
    }
}

/// Answers the native routes, and nothing else.
public struct NativeRoutes: Sendable {
    enum Route: Sendable {
        case pull, plan, compare, warm, warmStates, why, status, usage, pins, pin, unpin, sweep, scrub, prune, metrics
        case healthy, ready
    }

    private static let table = RouteTable<Route>([
        ("POST", "/layerd/v1/pull", .pull), ("GET", "/layerd/v1/plan", .plan), ("GET", "/layerd/v1/status", .status),
        ("GET", "/layerd/v1/compare", .compare),
        ("POST", "/layerd/v1/warm", .warm), ("GET", "/layerd/v1/warm", .warmStates), ("GET", "/layerd/v1/why", .why),
        ("GET", "/layerd/v1/df", .usage), ("GET", "/layerd/v1/pins", .pins), ("POST", "/layerd/v1/pins", .pin),
        ("DELETE", "/layerd/v1/pins", .unpin), ("POST", "/layerd/v1/gc", .sweep),
        ("POST", "/layerd/v1/scrub", .scrub),
        ("POST", "/layerd/v1/prune", .prune), ("GET", "/metrics", .metrics), ("GET", "/layerd/v1/metrics", .metrics),
        ("GET", "/healthz", .healthy), ("GET", "/readyz", .ready),
    ])

    let context: NativeContext
    /// The images of `df`.
    let usages: ImageText

    public init(context: NativeContext) {
        self.context = context
        usages = ImageText(context.catalogue) { image, text in
            text.append(UInt8(ascii: ","))
            text += Self.usage(of: image).serialized()
        }
    }

    /// The answer; `nil` when the path is none of ours.
    public func respond(to request: ServerRequest) async -> ServerResponse? {
        switch Self.table.match(method: request.method, path: request.path) {
        case .found(let match):
            do {
                return try await answer(match.route, request)
            } catch {
                return Self.failure(error)
            }
        case .otherMethod(let methods) where request.path.hasPrefix("/layerd/"):
            var response = Self.message(405, "\(request.path) takes \(methods.joined(separator: ", "))")
            response.headers.set("Allow", methods.joined(separator: ", "))
            return response
        case .notFound where request.path.hasPrefix("/layerd/"):
            return Self.message(404, "no such route: \(request.path)")
        case .notFound, .otherMethod: return nil
        }
    }

    private func answer(_ route: Route, _ request: ServerRequest) async throws -> ServerResponse {
        switch route {
        case .pull: try await pull(request)
        case .plan: try await plan(request)
        case .compare: try await compare(request)
        case .warm: try await warm(request)
        case .warmStates: try await warmStates()
        case .why: try await why(request)
        case .status: Self.json(200, try await status())
        case .usage: try await usage(request)
        case .pins: try await pins()
        case .pin: try await changePins(request, pinned: true)
        case .unpin: try await changePins(request, pinned: false)
        case .sweep: try await sweep(request)
        case .scrub: try await scrub(request)
        case .prune: try await prune(request)
        case .metrics: try await exposition()
        case .healthy: Self.text(200, "ok\n")
        case .ready: try await ready()
        }
    }

    // MARK: Answers

    static func json(_ status: Int, _ body: JSON) -> ServerResponse {
        ServerResponse(
            status: status, headers: ServerHeaders([("Content-Type", "application/json")]),
            body: .bytes(body.serialized() + [UInt8(ascii: "\n")]))
    }

    static func text(_ status: Int, _ text: String) -> ServerResponse {
        ServerResponse(
            status: status, headers: ServerHeaders([("Content-Type", "text/plain; charset=utf-8")]),
            body: .bytes(Array(text.utf8)))
    }

    static func message(_ status: Int, _ text: String) -> ServerResponse {
        json(status, ["message": .string(text)])
    }

    static func failure(_ error: any Error) -> ServerResponse {
        guard let fault = error as? any Fault else { return message(500, sentence(for: error)) }
        return message(status(of: fault.kind), fault.description)
    }

    /// The one place of this room where kinds become status codes.
    static func status(of kind: FaultKind) -> Int {
        switch kind {
        case .invalidInput: 400
        case .forbidden, .unauthenticated: 403
        case .notFound: 404
        case .alreadyExists: 409
        case .rateLimited: 429
        case .unsupported: 501
        case .integrity, .unavailable: 502
        case .timedOut: 504
        case .outOfSpace: 507
        case .cancelled, .internalFailure: 500
        }
    }
}
