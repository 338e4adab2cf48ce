/// One request, complete but for its body, which is still arriving.
public struct ServerRequest: Sendable {
    /// As sent; methods are case-sensitive (RFC 9110, 9.1).
    public let method: String
    /// As sent, with query.
    public let target: String
    /// The path of the target, not decoded, so that the handler decodes exactly once. Starts with `/`, or is `*`.
    /// Its percent signs have been checked: ``percentDecode(_:)`` of it is never nil.
    public let path: String
    /// The pairs of the query, decoded, in order; `+` is a space. A name without `=` has an empty value.
    public let query: [(name: String, value: String)]
    public let headers: ServerHeaders
    public let body: RequestBody
    /// Nil over TCP.
    public let peer: PeerCredentials?
    /// `1.0` or `1.1`.
    public let version: String

    /// A request as the server would hand it over. For tests of handlers, which need no socket.
    public init(
        method: String, target: String, path: String, query: [(name: String, value: String)] = [],
        headers: ServerHeaders = ServerHeaders(), body: RequestBody = RequestBody(), peer: PeerCredentials? = nil,
        version: String = "1.1"
    ) {
        self.method = method
        self.target = target
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.peer = peer
        self.version = version
    }

    /// A request for `target`, which is taken apart as the server takes it apart; nil when the server would refuse it.
    public init?(
        _ method: String, _ target: String, headers: ServerHeaders = ServerHeaders(), body: RequestBody = RequestBody(),
        peer: PeerCredentials? = nil
    ) {
        guard let parts = TargetParts(target) else { return nil }
        self.init(
            method: method, target: target, path: parts.path, query: parts.query, headers: headers, body: body,
            peer: peer)
    }

    /// The value of the first pair of the query with that name.
    public func parameter(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The values of every pair of the query with that name, in order.
    public func parameters(_ name: String) -> [String] {
        query.compactMap { $0.name == name ? $0.value : nil }
    }

    /// Decodes `%` and two hex digits to a byte; `+` stays.
    ///
    /// Nil when a percent sign is not followed by two hex digits, when the result is not UTF-8, or when it holds a NUL:
    /// no name of ours does, and C would cut it there.
    public static func percentDecode(_ text: String) -> String? { decoded(text.utf8, plusIsSpace: false) }
}

/// Answers requests. One value serves all connections at once.
public protocol RequestHandler: Sendable {
    /// Answers one request. The task is cancelled when the client leaves or the server is out of patience at its stop.
    ///
    /// It starts on the thread of the connection and leaves it where it first waits: answer from memory without
    /// waiting and no other thread is woken; never block.
    func respond(to request: ServerRequest) async -> ServerResponse

    /// An answer that is at hand, to a request without a body; `nil` to be asked by ``respond(to:)``.
    ///
    /// For what is asked again and again: no task is made for it. Called on the thread of the connection, which it must
    /// not hold up. A stream is not at hand.
    func respondAtOnce(to request: ServerRequest) -> ServerResponse?
}

extension RequestHandler {
    public func respondAtOnce(to request: ServerRequest) -> ServerResponse? { nil }
}
