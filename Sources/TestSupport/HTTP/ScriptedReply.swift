public import Transport

/// One answer of the fake client and of the scripted server alike.
public struct ScriptedReply: Sendable {
    /// How the body ends.
    public enum End: Sendable {
        /// With its last byte.
        case complete
        /// With the connection, after so many bytes.
        case cut(after: Int)
        /// It stops after so many bytes and goes on when the checkpoint opens.
        case stall(after: Int, Checkpoint)
    }

    /// The status code.
    public var status: Int
    /// Sent as they are; a `Content-Length` of the body's size is added when there is none.
    public var headers: HTTPHeaders
    /// The whole body, also when only a part is sent.
    public var body: [UInt8]
    /// How the body ends.
    public var end: End

    /// Makes an answer, by default an empty 200.
    public init(status: Int = 200, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = [], end: End = .complete) {
        self.status = status
        self.headers = headers
        self.body = body
        self.end = end
    }

    /// The fields with the length.
    public var completeHeaders: HTTPHeaders {
        var complete = headers
        if complete.first("Content-Length") == nil { complete.set("Content-Length", "\(body.count)") }
        return complete
    }

    /// The answer as a server's script.
    /// - Parameter method: of the request: HEAD gets no body.
    public func steps(for method: String) -> [ScriptedServer.Step] {
        let lines = completeHeaders.fields.map { "\($0.name): \($0.value)\r\n" }.joined()
        let head = ScriptedServer.Step.text("HTTP/1.1 \(status) Scripted\r\n\(lines)\r\n")
        if method == "HEAD" { return [head] }
        switch end {
        case .complete:
            return [head, .send(body)]
        case .cut(let count):
            return [head, .send(Array(body.prefix(count))), .finish]
        case .stall(let count, let checkpoint):
            return [head, .send(Array(body.prefix(count))), .stop(checkpoint), .send(Array(body.dropFirst(count)))]
        }
    }
}
