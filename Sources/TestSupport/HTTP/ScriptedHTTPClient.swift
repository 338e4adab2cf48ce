internal import Coordination
internal import OCI
public import Transport

/// An HTTP client without a network: each request gets the answer that a closure scripts, poured into the sink by the
/// rules of ``ByteSink``. What the closure throws, `perform` throws.
public final class ScriptedHTTPClient: HTTPClient {
    /// Bytes shown to a sink at once, as libcurl does.
    private static let pieceSize = 16 << 10

    private let respond: @Sendable (HTTPRequest) async throws -> ScriptedReply
    private let asked = Locked<[HTTPRequest]>([])

    /// Makes a client that answers with what `respond` says.
    public init(_ respond: @escaping @Sendable (HTTPRequest) async throws -> ScriptedReply) {
        self.respond = respond
    }

    /// Every request so far, in the order of asking.
    public var requests: [HTTPRequest] { asked.withLock { $0 } }

    public func perform(_ request: HTTPRequest, into sink: any ByteSink) async throws -> HTTPResponseHead {
        try Task.checkCancellation()
        asked.withLock { $0.append(request) }
        let reply = try await respond(request)
        let head = HTTPResponseHead(status: reply.status, headers: reply.completeHeaders)
        let resumes = Watched(0)
        try sink.begin(head, flow: Flow { resumes.update { $0 += 1 } })
        if request.method == .head { return head }
        let stop = stopOf(reply)
        try await pour(reply.body[..<stop.count], into: sink, resumes)
        if let checkpoint = stop.checkpoint {
            try await checkpoint.pass()
            try await pour(reply.body[stop.count...], into: sink, resumes)
        } else if stop.count < reply.body.count {
            throw TransportError.interrupted(host: "the script", reason: "cut after \(stop.count) bytes")
        }
        if let announced = head.contentLength, announced != reply.body.count {
            throw TransportError.brokenReply(host: "the script", reason: "its body is not \(announced) bytes long")
        }
        return head
    }

    private func stopOf(_ reply: ScriptedReply) -> (count: Int, checkpoint: Checkpoint?) {
        switch reply.end {
        case .complete: (reply.body.count, nil)
        case .cut(let count): (min(count, reply.body.count), nil)
        case .stall(let count, let checkpoint): (min(count, reply.body.count), checkpoint)
        }
    }

    private func pour(_ bytes: ArraySlice<UInt8>, into sink: any ByteSink, _ resumes: Watched<Int>) async throws {
        var rest = bytes
        while !rest.isEmpty {
            try Task.checkCancellation()
            let piece = Array(rest.prefix(Self.pieceSize))
            let before = resumes.value
            switch try sink.append(piece.span.bytes) {
            case .taken: rest = rest.dropFirst(piece.count)
            case .full: _ = try await resumes.wait(for: "a full sink to resume") { $0 > before ? true : nil }
            }
        }
    }
}
