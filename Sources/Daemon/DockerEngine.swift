internal import Coordination
internal import OCI
internal import Transport

/// docker, asked over its socket to pull an image and to name it.
///
/// Source: Docker Engine API 1.24, "Create an image", "Tag an image", "Remove an image".
struct DockerEngine: Sendable {
    private let http: any HTTPClient
    private let socket: String

    init(_ http: any HTTPClient, socket: String) {
        self.http = http
        self.socket = socket
    }

    /// - Throws: ``EngineError``, or `CancellationError`.
    func take(_ image: EngineImage) async throws {
        var query = [("fromImage", image.repository), ("tag", image.tag)]
        if let platform = image.platform { query.append(("platform", platform)) }
        let said = LastError()
        let head = try await perform(request(.post, "/images/create", query), into: said)
        if let error = said.error { throw EngineError.failed(error) }
        guard head.status == 200 else { throw EngineError.failed(said.rest(head.status)) }
        guard image.name != nil, let tag = image.own.tag else { return }
        let name = "/images/\(image.pulled)"
        try await expect(201, request(.post, name + "/tag", [("repo", "\(image.own.repository)"), ("tag", tag)]))
        try await expect(200, request(.delete, name, []))
    }

    private func expect(_ status: Int, _ request: HTTPRequest) async throws {
        let said = LastError()
        let head = try await perform(request, into: said)
        guard head.status == status else { throw EngineError.failed(said.rest(head.status)) }
    }

    private func perform(_ request: HTTPRequest, into sink: any ByteSink) async throws -> HTTPResponseHead {
        do { return try await http.perform(request, into: sink) } catch let error as TransportError {
            throw EngineError.failed("docker cannot be asked at \(socket): \(error)")
        }
    }

    private func request(_ method: HTTPMethod, _ path: String, _ query: [(String, String)]) -> HTTPRequest {
        let pairs = query.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
        var options = ConnectionOptions()
        options.unixSocket = socket
        // It says nothing while it unpacks.
        options.lowSpeedTime = .zero
        return HTTPRequest(
            method: method, url: "http://docker\(path)" + (pairs.isEmpty ? "" : "?\(pairs)"), options: options)
    }
}

/// Reads docker's lines of JSON for the error that may be among them: its status was told before it began.
private final class LastError: ByteSink {
    private let state = Locked((line: [UInt8](), error: String?.none))

    var error: String? { state.withLock { $0.error } }

    /// Why it was refused.
    func rest(_ status: Int) -> String {
        let line = state.withLock { $0.line }
        return Self.word("message", in: line) ?? "docker answered with status \(status)"
    }

    func begin(_ head: HTTPResponseHead, flow: Flow) {}

    func append(_ bytes: RawSpan) -> SinkAnswer {
        // INVARIANT: the bytes are copied while the pointer is valid.
        let chunk = bytes.withUnsafeBytes { Array($0) }
        state.withLock { state in
            for byte in chunk {
                if byte == UInt8(ascii: "\n") {
                    state.error = Self.word("error", in: state.line) ?? state.error
                    state.line = []
                } else if state.line.count < 1 << 16 {
                    state.line.append(byte)
                }
            }
        }
        return .taken
    }

    private static func word(_ key: String, in line: [UInt8]) -> String? {
        // What is no JSON is no error of docker's either.
        do { return try JSON(parsing: line)[key]?.string } catch { return nil }
    }
}
