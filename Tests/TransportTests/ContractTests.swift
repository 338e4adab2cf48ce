import TestSupport
import Testing
import Transport

@Suite struct `Every HTTP client keeps the contract` {
    @Test(.timeLimit(.minutes(1))) func `of curl`() async throws {
        let client = CurlClient(userAgent: "layerd-test/1")
        try await httpClientContract { reply in
            let server = try ScriptedServer(reply)
            return ContractSubject(client: client, url: server.url("/v2/")) { try await server.stop() }
        }
        await client.shutdown()
    }

    @Test(.timeLimit(.minutes(1))) func `of scripts`() async throws {
        try await httpClientContract { reply in
            ContractSubject(client: ScriptedHTTPClient { _ in reply }, url: "http://registry.test/v2/")
        }
    }

    @Test func `and the contract notices a client that begins twice`() async throws {
        await #expect(throws: ContractViolation.self) {
            try await httpClientContract { reply in
                ContractSubject(client: Twice(ScriptedHTTPClient { _ in reply }), url: "http://registry.test/")
            }
        }
    }

    @Test func `and the contract notices a client that swallows a cut`() async throws {
        await #expect(throws: ContractViolation.self) {
            try await httpClientContract { reply in
                ContractSubject(client: Forgiving(ScriptedHTTPClient { _ in reply }), url: "http://registry.test/")
            }
        }
    }
}

private struct Twice: HTTPClient {
    let inner: ScriptedHTTPClient
    init(_ inner: ScriptedHTTPClient) { self.inner = inner }

    func perform(_ request: HTTPRequest, into sink: any ByteSink) async throws -> HTTPResponseHead {
        try sink.begin(HTTPResponseHead(status: 200), flow: Flow {})
        return try await inner.perform(request, into: sink)
    }
}

private struct Forgiving: HTTPClient {
    let inner: ScriptedHTTPClient
    init(_ inner: ScriptedHTTPClient) { self.inner = inner }

    func perform(_ request: HTTPRequest, into sink: any ByteSink) async throws -> HTTPResponseHead {
        do {
            return try await inner.perform(request, into: sink)
        } catch is TransportError {
            return HTTPResponseHead(status: 200)
        }
    }
}
