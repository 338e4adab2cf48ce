// MirrorAPI: the pull half of the OCI distribution specification for the engines of this machine: which registry a
// request means, what its answers look like on the wire, who may ask. What is here and what can be brought is Pulling's
// affair.

internal import OCI
public import Pulling
public import Serving

/// Answers pulls over `/v2/`.
///
/// Source: OCI distribution-spec v1.1.1, and "Registry Proxying" of its main branch.
public struct MirrorRoutes: RequestHandler {
    let content: PullThrough
    let gate: Gate
    let hot = HotTargets()

    /// - Parameter hosts: names, besides this machine's own and addresses, under which clients may know the mirror.
    public init(content: PullThrough, hosts: [String] = []) {
        self.content = content
        gate = Gate(hosts: hosts)
    }

    public func respondAtOnce(to request: ServerRequest) -> ServerResponse? { quickBlob(request) }

    public func respond(to request: ServerRequest) async -> ServerResponse {
        do {
            try gate.check(request)
            guard request.method == "GET" || request.method == "HEAD" else { throw MirrorError.readOnly }
            let target = try MirrorTarget(request) { content.serves($0) }
            var response = try await answer(target, request)
            if let namespace = target.namespace { response.headers.set("OCI-Namespace", namespace) }
            return response
        } catch {
            return ServerResponse(failure: error)
        }
    }

    private func answer(_ target: MirrorTarget, _ request: ServerRequest) async throws -> ServerResponse {
        switch target.endpoint {
        case .ping: ServerResponse.json(200, [:])
        case .catalogue: try await catalogueAnswer(request)
        case .manifest(let reference): try await manifestAnswer(reference, request)
        case .blob(let repository, let digest): try await blobAnswer(digest, repository, request)
        case .tags(let repository): try await tagsAnswer(repository, request)
        case .referrers(let repository, let digest): try await referrersAnswer(digest, repository, request)
        }
    }
}

/// What a mirror refuses by itself. Codes are those of the distribution specification.
enum MirrorError: CodedFault, Equatable {
    /// A method that writes.
    case readOnly
    /// A path that belongs to nothing here.
    case noSuchPath
    case badName(String)
    case badDigest(String)
    case badNamespace(String)
    /// Not a request of a container engine.
    case foreign(String)
    case badNumber(String)

    var kind: FaultKind {
        switch self {
        case .readOnly: .unsupported
        case .noSuchPath: .notFound
        case .badName, .badDigest, .badNamespace, .badNumber: .invalidInput
        case .foreign: .forbidden
        }
    }

    var description: String {
        switch self {
        case .readOnly: "the mirror can be pulled from only: push to the registry itself"
        case .noSuchPath: "the mirror serves /v2/ and what is below it"
        case .badName(let name): "invalid repository name or tag: \(name)"
        case .badDigest(let text): "invalid digest: \(text)"
        case .badNamespace(let reason): "the ns parameter \(reason)"
        case .foreign(let reason): reason
        case .badNumber(let text): "n is no number: \(text)"
        }
    }

    var code: String {
        switch self {
        case .readOnly: "UNSUPPORTED"
        case .noSuchPath: "NAME_UNKNOWN"
        case .badName, .badNamespace: "NAME_INVALID"
        case .badDigest: "DIGEST_INVALID"
        case .foreign: "DENIED"
        case .badNumber: "PAGINATION_NUMBER_INVALID"
        }
    }
}
