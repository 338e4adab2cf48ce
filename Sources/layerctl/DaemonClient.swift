internal import OCI
internal import Transport

/// HTTP over the control socket.
struct DaemonClient: Sendable {
    /// The version of the Docker Engine API that our texts are made for.
    static let engineVersion = "/v1.50"
    /// Answers are lists of images; a hundred thousand of them are well below this.
    private static let maximumAnswer = 256 << 20

    let socket: String
    let http = CurlClient(maximumConnections: 2, perHost: 2, userAgent: "layerctl")

    /// The answer's JSON.
    /// - Throws: ``Failure``.
    func get(_ path: String, query: [(String, String)] = []) async throws -> JSON {
        try await answer(.get, path, query)
    }

    /// Posts, and waits for the whole answer; `null` when it is empty.
    /// - Throws: ``Failure``.
    @discardableResult
    func post(_ path: String, query: [(String, String)] = []) async throws -> JSON {
        try await answer(.post, path, query)
    }

    /// The answer to a DELETE.
    /// - Throws: ``Failure``.
    func delete(_ path: String, query: [(String, String)] = []) async throws -> JSON {
        try await answer(.delete, path, query)
    }

    private func answer(_ method: HTTPMethod, _ path: String, _ query: [(String, String)]) async throws -> JSON {
        let request = self.request(method, path, query)
        do {
            let (head, body) = try await http.collect(request, limit: Self.maximumAnswer)
            guard 200...299 ~= head.status else { throw Failure.refused(Self.reason(body, status: head.status)) }
            return try body.isEmpty ? .null : Self.json(body)
        } catch let error {
            throw failure(error)
        }
    }

    /// The answer as text.
    /// - Throws: ``Failure``.
    func text(_ path: String) async throws -> String {
        do {
            let (head, body) = try await http.collect(request(.get, path, []), limit: Self.maximumAnswer)
            guard head.status == 200 else { throw Failure.refused(Self.reason(body, status: head.status)) }
            return String(decoding: body, as: UTF8.self)
        } catch let error {
            throw failure(error)
        }
    }

    /// Posts a JSON body; the answer's JSON.
    /// - Throws: ``Failure``.
    func post(_ path: String, query: [(String, String)] = [], body: JSON) async throws -> JSON {
        var request = self.request(.post, path, query)
        request.headers.set("Content-Type", "application/json")
        request.body = body.serialized()
        do {
            let (head, answer) = try await http.collect(request, limit: Self.maximumAnswer)
            guard head.status == 200 else { throw Failure.refused(Self.reason(answer, status: head.status)) }
            return try Self.json(answer)
        } catch let error {
            throw failure(error)
        }
    }

    /// An answer may be longer, and name more, than a document from outside.
    private static func json(_ answer: [UInt8]) throws -> JSON {
        var limits = JSON.Limits()
        limits.bytes = maximumAnswer
        limits.values = .max
        return try JSON(parsing: answer, limits: limits)
    }

    /// Posts, and hands over the answer's lines as they come.
    /// - Parameters:
    ///   - login: the value of `X-Registry-Auth`.
    ///   - body: JSON; `nil` for none.
    /// - Throws: ``Failure``; what `take` throws.
    func post(
        _ path: String, query: [(String, String)], login: String? = nil, body: JSON? = nil,
        lines take: @escaping @Sendable (JSON) throws -> Void
    ) async throws { try await lines(.post, path, query, login: login, body: body, take) }

    /// Hands over an answer's lines as they come.
    /// - Throws: ``Failure``; what `take` throws.
    func stream(_ path: String, query: [(String, String)], lines take: @escaping @Sendable (JSON) throws -> Void)
        async throws
    { try await lines(.get, path, query, take) }

    private func lines(
        _ method: HTTPMethod, _ path: String, _ query: [(String, String)], login: String? = nil, body: JSON? = nil,
        _ take: @escaping @Sendable (JSON) throws -> Void
    ) async throws {
        let sink = LineSink(take)
        var request = self.request(method, path, query)
        if let login { request.headers.set("X-Registry-Auth", login) }
        if let body {
            request.headers.set("Content-Type", "application/json")
            request.body = body.serialized()
        }
        do {
            let head = try await http.perform(request, into: sink)
            guard head.status == 200 else { throw Failure.refused(Self.reason(sink.rest(), status: head.status)) }
        } catch let error {
            switch error as? TransportError {
            case .interrupted, .brokenReply: throw Failure.cut("\(error)")
            default: throw failure(error)
            }
        }
    }

    func request(_ method: HTTPMethod, _ path: String, _ query: [(String, String)]) -> HTTPRequest {
        let pairs = query.map { "\(percentEncoded($0.0))=\(percentEncoded($0.1))" }.joined(separator: "&")
        var options = ConnectionOptions()
        options.unixSocket = socket
        // A pull says nothing while the registry thinks; a dead daemon closes its sockets. Hence no limit of ours.
        options.lowSpeedTime = .zero
        let url = "http://layerd" + path + (pairs.isEmpty ? "" : "?" + pairs)
        return HTTPRequest(method: method, url: url, options: options)
    }

    func failure(_ error: any Error) -> any Error {
        switch error {
        case is CancellationError: return Failure.interrupted
        case let error as TransportError:
            switch error.kind {
            case .unavailable:
                return Failure.unreachable(
                    "Cannot connect to layerd at unix://\(socket). Is it running? (\(error))")
            default: return Failure.refused("\(error)")
            }
        case let error as OCIError: return Failure.refused("an answer that makes no sense: \(error)")
        default: return error
        }
    }

    static func reason(_ body: [UInt8], status: Int) -> String {
        if let message = (try? JSON(parsing: body))?["message"]?.string, !message.isEmpty { return message }
        return "it answered with status \(status) and no reason"
    }
}

/// Cuts a response into lines of JSON. Of a refusal it keeps the beginning, for its reason.
final class LineSink: ByteSink {
    /// A line of ours is a few hundred bytes.
    private static let maximumLine = 1 << 20

    private struct State {
        var status = 0
        var pending: [UInt8] = []
    }

    private let take: @Sendable (JSON) throws -> Void
    private let state = Shared(State())

    init(_ take: @escaping @Sendable (JSON) throws -> Void) { self.take = take }

    func begin(_ head: HTTPResponseHead, flow: Flow) throws { state.withLock { $0.status = head.status } }

    func append(_ bytes: RawSpan) throws -> SinkAnswer {
        let lines = try state.withLock { state throws -> [[UInt8]] in
            bytes.withUnsafeBytes { state.pending.append(contentsOf: $0) }
            guard state.pending.count <= Self.maximumLine else {
                throw Failure.refused("an answer with a line longer than \(Self.maximumLine) bytes")
            }
            guard state.status == 200 else { return [] }
            let parts = state.pending.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            state.pending = Array(parts.last ?? [])
            return parts.dropLast().filter { !$0.isEmpty }.map { Array($0) }
        }
        for line in lines { try take(JSON(parsing: line)) }
        return .taken
    }

    func rest() -> [UInt8] { state.withLock { $0.pending } }
}
