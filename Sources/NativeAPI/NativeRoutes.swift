// NativeAPI: layerd's own routes on the control socket, `/layerd/v1/…`, `/healthz` and `/readyz`: what Docker has no words
// for. Its wire types stay here, one file for each group of routes.

public import Catalogue
public import Pulling
public import Serving
internal import OCI

/// What the routes are answered from.
public struct NativeContext: Sendable {
    public var catalogue: Catalogue
    public var puller: any ImagePuller
    /// layerd's version.
    public var version: String
    /// When the daemon began.
    public var started: ContinuousClock.Instant
    /// Where the store is, for `status`; nil for a store that is in no directory.
    public var storePath: String?
    /// The clock of uptimes and rates.
    public var now: @Sendable () -> ContinuousClock.Instant

    public init(
        catalogue: Catalogue, puller: any ImagePuller, version: String, started: ContinuousClock.Instant,
        storePath: String? = nil, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.catalogue = catalogue
        self.puller = puller
        self.version = version
        self.started = started
        self.storePath = storePath
        self.now = now
    }
}

/// Answers layerd's own routes, and leaves every other path to whoever else listens.
public struct NativeRoutes: Sendable {
    enum Route: Sendable { case health, readiness, status, pull }

    let context: NativeContext
    private let table = RouteTable<Route>([
        ("GET", "/healthz", .health), ("HEAD", "/healthz", .health),
        ("GET", "/readyz", .readiness), ("HEAD", "/readyz", .readiness),
        ("GET", "/layerd/v1/status", .status), ("HEAD", "/layerd/v1/status", .status),
        ("POST", "/layerd/v1/pull", .pull),
    ])

    public init(context: NativeContext) { self.context = context }

    /// The answer, or nil when the path is none of ours.
    public func respond(to request: ServerRequest) async -> ServerResponse? {
        switch table.match(method: request.method, path: request.path) {
        case .found(let match):
            do { return try await answer(match.route, request) } catch { return Reply.failure(error) }
        case .otherMethod(let methods): return Reply.methodNotAllowed(methods)
        case .notFound:
            return request.path.hasPrefix("/layerd/") ? Reply.failure(NativeError.unknownRoute) : nil
        }
    }

    private func answer(_ route: Route, _ request: ServerRequest) async throws -> ServerResponse {
        switch route {
        case .health: Reply.text("ok\n")
        case .readiness: try await readiness()
        case .status: Reply.json(200, try await status())
        case .pull: try await pull(request)
        }
    }
}
