import TestSupport
import Transport

/// Runs `body` with a client of its own and shuts it down afterwards.
@discardableResult
func withClient<Result>(
    maximumConnections: Int = 64, perHost: Int = 32, _ body: (CurlClient) async throws -> Result
) async throws -> Result {
    let client = CurlClient(maximumConnections: maximumConnections, perHost: perHost, userAgent: "layerd-test/1")
    do {
        let result = try await body(client)
        await client.shutdown()
        return result
    } catch {
        await client.shutdown()
        throw error
    }
}

/// Runs `body` with a client and a server, and ends both afterwards.
@discardableResult
func withServer<Result>(
    _ answer: @escaping @Sendable (RecordedRequest) -> [ScriptedServer.Step],
    _ body: (CurlClient, ScriptedServer) async throws -> Result
) async throws -> Result {
    let server = try ScriptedServer(answer: answer)
    let result = try await withClient { try await body($0, server) }
    try await server.stop()
    return result
}

/// A request that the environment's proxy does not get.
func direct(
    _ url: String, _ method: HTTPMethod = .get, headers: [(String, String)] = [], body: [UInt8]? = nil,
    _ change: (inout ConnectionOptions) -> Void = { _ in }
) -> HTTPRequest {
    var options = ConnectionOptions()
    options.proxy = ""
    change(&options)
    return HTTPRequest(method: method, url: url, headers: HTTPHeaders(headers), body: body, options: options)
}

/// The error `body` throws, as a `TransportError`.
func transportError(_ body: () async throws -> Void) async -> TransportError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? TransportError
    }
}

/// Takes everything and keeps nothing but the count.
final class CountingSink: ByteSink {
    let count = Watched(Int64(0))

    func begin(_ head: HTTPResponseHead, flow: Flow) throws {}

    func append(_ bytes: RawSpan) throws -> SinkAnswer {
        let more = Int64(bytes.byteCount)
        count.update { $0 += more }
        return .taken
    }
}
