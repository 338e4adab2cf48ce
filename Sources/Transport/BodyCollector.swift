internal import Coordination

/// The body is longer than the limit, and its status is a failure's: what was kept of it is enough.
private struct EnoughOfAnError: Error {}

/// Keeps a small body in memory.
final class BodyCollector: ByteSink {
    private struct Kept {
        var head: HTTPResponseHead?
        var body: [UInt8] = []
    }

    private let kept = Locked(Kept())
    private let limit: Int
    private let tooLarge: TransportError

    init(limit: Int, tooLarge: TransportError) {
        self.limit = limit
        self.tooLarge = tooLarge
    }

    var head: HTTPResponseHead? { kept.withLock { $0.head } }
    var body: [UInt8] { kept.withLock { $0.body } }

    func begin(_ head: HTTPResponseHead, flow: Flow) throws {
        kept.withLock { $0.head = head }
    }

    func append(_ bytes: RawSpan) throws -> SinkAnswer {
        let chunk = bytes.withUnsafeBytes { Array($0) }
        let (room, status) = kept.withLock { kept in
            let room = limit - kept.body.count
            kept.body.append(contentsOf: chunk.prefix(max(room, 0)))
            return (room, kept.head?.status ?? 0)
        }
        if chunk.count > room { throw 200...299 ~= status ? tooLarge : EnoughOfAnError() }
        return .taken
    }
}

extension HTTPClient {
    /// Sends `request` and keeps the body, at most `limit` bytes of it. A longer body of a status that is no success is
    /// cut there, so that its status is not lost.
    /// - Throws: ``TransportError/bodyTooLarge(host:limit:)`` for a longer body of a success, and as
    ///   ``perform(_:into:)``.
    public func collect(_ request: HTTPRequest, limit: Int) async throws -> (head: HTTPResponseHead, body: [UInt8]) {
        let host = Target.display(of: request)
        let sink = BodyCollector(limit: limit, tooLarge: .bodyTooLarge(host: host, limit: limit))
        do {
            let head = try await perform(request, into: sink)
            return (head, sink.body)
        } catch is EnoughOfAnError {
            guard let head = sink.head else {
                throw TransportError.internalFailure(reason: "a body came without a head")
            }
            return (head, sink.body)
        }
    }
}
