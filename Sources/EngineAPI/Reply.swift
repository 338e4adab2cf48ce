internal import OCI
internal import Serving

/// An answer before it becomes HTTP: what the routes decide, without the headers they all share.
enum Reply: Sendable {
    case ping(withBody: Bool)
    case json(JSON)
    /// A status that says it all.
    case empty(Int)
    /// JSON that is text already, in pieces.
    case pieces([[UInt8]])
    /// Progress: one JSON object a line, for as long as it takes.
    case stream(@Sendable (any ResponseWriter) async throws -> Void)
    /// A tar, as long as it may be.
    case archive(@Sendable (any ResponseWriter) async throws -> Void)
    /// An error, or the lack of something.
    case message(Int, String, retryAfter: Duration? = nil)
    /// To clients from before the days of JSON errors.
    case plainMessage(Int, String)
    case pageNotFound

    /// The answer to what a route threw.
    static func failure(_ error: any Error) -> Reply {
        guard let fault = error as? any Fault else { return .message(500, sentence(for: error)) }
        if case .clientTooOld = fault as? EngineError { return .plainMessage(400, fault.description) }
        var retry: Duration?
        if case .rateLimited(let after) = fault.kind { retry = after }
        return .message(EngineAPI.status(of: fault.kind), fault.description, retryAfter: retry)
    }

    /// The HTTP response, with the headers of dockerd. `Content-Type` is the bare `application/json`: with a charset
    /// the docker command would print error bodies raw.
    func response(daemon: DaemonFacts) -> ServerResponse {
        var response = bare
        if case .pageNotFound = self { return response }
        for (name, value) in daemon.commonHeaders { response.headers.set(name, value) }
        return response
    }

    private var bare: ServerResponse {
        switch self {
        case .ping(let withBody): Reply.ping(withBody: withBody)
        case .pieces(let pieces): Reply.joined(pieces)
        case .json(let body): Reply.bytes(200, body.serialized() + [UInt8(ascii: "\n")], "application/json")
        case .empty(let status): ServerResponse(status: status, body: .none)
        case .stream(let run):
            ServerResponse(
                status: 200, headers: ServerHeaders([("Content-Type", "application/json")]), body: .stream(run))
        case .archive(let run):
            ServerResponse(
                status: 200, headers: ServerHeaders([("Content-Type", "application/x-tar")]), body: .stream(run))
        case .message(let status, let text, let retryAfter):
            Reply.error(status, text, retryAfter: retryAfter)
        case .plainMessage(let status, let text): Reply.plain(status, text)
        case .pageNotFound: Reply.error(404, "page not found", retryAfter: nil)
        }
    }

    private static func ping(withBody: Bool) -> ServerResponse {
        var response = bytes(200, Array((withBody ? "OK" : "").utf8), "text/plain; charset=utf-8")
        response.headers.set("Builder-Version", "2")
        response.headers.set("Cache-Control", "no-cache, no-store, must-revalidate")
        response.headers.set("Pragma", "no-cache")
        response.headers.set("Swarm", "inactive")
        return response
    }

    /// What is long is written piece by piece, so that it is never held twice.
    private static func joined(_ pieces: [[UInt8]]) -> ServerResponse {
        let length = pieces.reduce(0) { $0 + $1.count }
        guard length > 1 << 16 else { return bytes(200, Array(pieces.joined()), "application/json") }
        return ServerResponse(
            status: 200, headers: ServerHeaders([("Content-Type", "application/json")]),
            body: .stream { writer in for piece in pieces { try await writer.write(piece) } })
    }

    private static func error(_ status: Int, _ text: String, retryAfter: Duration?) -> ServerResponse {
        let body = JSON.object([JSON.Member("message", .string(text))]).serialized() + [UInt8(ascii: "\n")]
        var response = bytes(status, body, "application/json")
        if let retryAfter { response.headers.set("Retry-After", String(wholeSeconds(retryAfter))) }
        return response
    }

    private static func plain(_ status: Int, _ text: String) -> ServerResponse {
        var response = bytes(status, Array((text + "\n").utf8), "text/plain; charset=utf-8")
        response.headers.set("X-Content-Type-Options", "nosniff")
        return response
    }

    private static func bytes(_ status: Int, _ body: [UInt8], _ type: String) -> ServerResponse {
        ServerResponse(status: status, headers: ServerHeaders([("Content-Type", type)]), body: .bytes(body))
    }
}

/// A duration in seconds, rounded up, at least 1: "retry in 0 seconds" would be no delay.
func wholeSeconds(_ duration: Duration) -> Int64 {
    let (seconds, fraction) = duration.components
    return max(1, fraction > 0 && seconds < .max ? seconds + 1 : seconds)
}
