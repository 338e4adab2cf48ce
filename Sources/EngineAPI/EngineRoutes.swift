// EngineAPI: the Docker Engine API on the control socket: what of it has to do with images, and honest answers to the
// rest. It translates between docker's words and the rooms below; wire types and the rules of API versions stay here,
// one file for each group of routes.

public import Archives
public import Catalogue
public import OCI
public import Pulling
public import Registry
public import Serving
public import Storage

/// What the routes are answered from.
public struct EngineContext: Sendable {
    /// Names, images and sizes.
    public var catalogue: Catalogue
    /// Where configs are read from.
    public var store: any ContentStore
    public var puller: any ImagePuller
    /// Removes images and what only they used.
    public var collector: Collector
    public var saver: ImageSaver
    public var loader: ImageLoader
    /// What happened to images, to be told and to be added to.
    public var events: ImageEventLog
    /// Asked what names mean and whether credentials are right.
    public var registry: any Resolver & Fetcher & Authenticator
    public var daemon: DaemonFacts
    /// The time of day, for `until` filters and `/info`.
    public var now: @Sendable () -> Timestamp
    let pruning = PruneGuard()

    public init(
        catalogue: Catalogue, store: any ContentStore, puller: any ImagePuller, collector: Collector,
        saver: ImageSaver, loader: ImageLoader, events: ImageEventLog,
        registry: any Resolver & Fetcher & Authenticator, daemon: DaemonFacts,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.catalogue = catalogue
        self.store = store
        self.puller = puller
        self.collector = collector
        self.saver = saver
        self.loader = loader
        self.events = events
        self.registry = registry
        self.daemon = daemon
        self.now = now
    }
}

/// Answers Docker Engine API requests, advertised as API 1.50 down to 1.24.
///
/// Paths that belong to nobody are answered too, as dockerd does: 404 `page not found`. So it comes last where several
/// handlers share a socket.
public struct EngineRoutes: RequestHandler {
    let context: EngineContext
    let lists = ListCache()

    public init(context: EngineContext) {
        self.context = context
    }

    /// 403 in dockerd's shape, for whoever shares a socket with these routes and lets some clients do less.
    public func refuse(_ reason: String) -> ServerResponse {
        Reply.message(403, reason).response(daemon: context.daemon)
    }

    public func respond(to request: ServerRequest) async -> ServerResponse {
        let (version, path) = APIVersion.split(request.path)
        guard let match = Endpoint.find(method: request.method, path: path) else {
            return Reply.pageNotFound.response(daemon: context.daemon)
        }
        let call = Call(
            match: match, version: version ?? .newest, query: request.query, headers: request.headers,
            body: request.body)
        let reply: Reply
        do {
            try call.version.checkSpoken()
            reply = try await answer(call)
        } catch {
            reply = Reply.failure(error)
        }
        return reply.response(daemon: context.daemon)
    }

    private func answer(_ call: Call) async throws -> Reply {
        switch call.match.route {
        case .ping(let withBody): .ping(withBody: withBody)
        case .version: .json(versionReport())
        case .info: .json(try await infoReport())
        case .diskUsage: try await diskUsage(call)
        case .imageList: try await imageList(call)
        case .imageInspect: .json(try await imageInspect(call))
        case .imageHistory: .json(try await imageHistory(call))
        case .imageCreate: try await imageCreate(call)
        case .imageTag: try await imageTag(call)
        case .imageDelete: .json(try await imageDelete(call))
        case .imageDeleteNothing: throw EngineError.blankName
        case .imagePrune: .json(try await imagePrune(call))
        case .events: try eventStream(call)
        case .imageSave(let named): try await imageSave(call, named: named)
        case .imageLoad: try await imageLoad(call)
        case .auth: try await authentication(call)
        case .distribution: try await distribution(call)
        case .nothing(let body): .json(body)
        case .absent(let kind): .message(404, kind.message(call.name))
        case .noSwarm: .message(503, Endpoint.noSwarmMessage)
        case .elsewhere(let what): throw EngineError.elsewhere(what)
        }
    }
}

/// One request, as the routes see it.
struct Call: Sendable {
    let match: RouteTable<Endpoint>.Match
    let version: APIVersion
    let query: [(name: String, value: String)]
    let headers: ServerHeaders
    var body = RequestBody()

    /// What the path calls the image, or the thing that is no image.
    /// - Precondition: the route has a name in it.
    var name: String { match["name"] }

    /// The first value of a query parameter; `nil` when it does not occur. Bodies are never read for parameters.
    subscript(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// A boolean as dockerd reads it: everything is true but what says no.
    func flag(_ name: String) -> Bool { dockerBoolean(self[name] ?? "") }
}

/// dockerd's reading of a boolean parameter: empty, `0`, `no`, `false` and `none` are false, anything else is true.
func dockerBoolean(_ text: String) -> Bool {
    !["", "0", "no", "false", "none"].contains(text.filter { $0 != " " }.lowercased())
}
