import OCI
import TestSupport
import Testing
import Transport

@Suite struct `An error of Transport` {
    @Test func `says that a connection was refused`() async throws {
        let error = await failure(direct("http://127.0.0.1:1/v2/?token=secret"))
        #expect(error?.description == "cannot reach 127.0.0.1:1: connection refused")
        #expect(error?.kind == .unavailable(retryAfter: nil))
    }

    @Test func `says that a name is unknown`() async throws {
        let error = await failure(direct("https://registry.invalid/v2/"))
        #expect(error?.description == "cannot reach registry.invalid: its name could not be resolved")
    }

    @Test(arguments: ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"])
    func `says that a link-local address is refused, before anything is sent`(host: String) async throws {
        let error = await failure(direct("http://\(host)/latest/meta-data"))
        #expect(error?.description == "cannot reach \(host): its address is link-local, which is refused")
    }

    @Test func `says so too of a name that leads there`() async throws {
        let error = await failure(direct("http://cdn.test/") { $0.resolve = ["cdn.test:80:169.254.169.254"] })
        #expect(error?.description == "cannot reach cdn.test: its address is link-local, which is refused")
    }

    /// A redirect or a realm of a registry outside, whose name leads inside.
    @Test(arguments: ["127.0.0.1", "10.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[fd00::1]", "[64:ff9b::7f00:1]"])
    func `says that an address inside is refused where it may not lead, before anything is sent`(
        address: String
    ) async throws {
        let server = try ScriptedServer(ScriptedReply(body: [1]))
        let request = direct("http://cdn.test:\(server.port)/") {
            $0.resolve = ["cdn.test:\(server.port):\(address)"]
            $0.allowInside = false
        }
        let error = await failure(request)
        #expect(error?.description.contains("its address is inside this machine's own network") == true)
        #expect(server.connections == 0)
        try await server.stop()
    }

    @Test func `says so of a connection that somebody else opened, and shows nothing of the answer`() async throws {
        let server = try ScriptedServer(ScriptedReply(body: [1]))
        let client = CurlClient(userAgent: "layerd-test/1")
        let request = direct(server.url())
        #expect(try await client.collect(request, limit: 10).head.isFromInside)
        var forbidden = request
        forbidden.options.allowInside = false
        let sink = RecordingSink()
        let error = await transportError { _ = try await client.perform(forbidden, into: sink) }
        #expect(error?.description.contains("its address is inside this machine's own network") == true)
        #expect(sink.record.value.heads.isEmpty)
        await client.shutdown()
        try await server.stop()
    }

    @Test(.timeLimit(.minutes(1))) func `says how long a server stalled`() async throws {
        let error = try await failureAtSilentServer {
            $0.lowSpeedTime = .seconds(1)
            $0.lowSpeedBytesPerSecond = 500
        }
        #expect(error?.reason == "stalled below 500 B/s for 1 s")
    }

    @Test(.timeLimit(.minutes(1))) func `says how long all of it was allowed to take`() async throws {
        let error = try await failureAtSilentServer { $0.total = .milliseconds(150) }
        #expect(error?.reason == "not complete within 150 ms")
    }

    @Test(.timeLimit(.minutes(1))) func `says that no connection came about in time`() async throws {
        let silent = try ScriptedServer { _ in [] }
        let error = await failure(
            direct("https://127.0.0.1:\(silent.port)/") { $0.connectTimeout = .milliseconds(150) })
        #expect(error?.description == "127.0.0.1:\(silent.port) did not answer in time: no connection within 150 ms")
        try await silent.stop()
    }

    @Test(.timeLimit(.minutes(1))) func `comes from a drip below the limit as well`() async throws {
        let drip = ScriptedServer.Step.drip(
            [UInt8](repeating: 1, count: 1000), piece: 1, pause: .milliseconds(100))
        let server = try ScriptedServer { _ in [.text("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), drip] }
        let error = await failure(direct(server.url()) { $0.lowSpeedTime = .seconds(1) })
        #expect(error?.reason == "stalled below 1024 B/s for 1 s")
        try await server.stop()
    }
}

private func failure(_ request: HTTPRequest) async -> TransportError? {
    let client = CurlClient(userAgent: "layerd-test/1")
    let error = await transportError { _ = try await client.collect(request, limit: 1000) }
    await client.shutdown()
    return error
}

private func failureAtSilentServer(_ change: (inout ConnectionOptions) -> Void) async throws -> TransportError? {
    let server = try ScriptedServer { _ in [.stop(Checkpoint())] }
    let error = await failure(direct(server.url()) { change(&$0) })
    #expect(error?.kind == .timedOut)
    try await server.stop()
    return error
}

extension TransportError {
    fileprivate var reason: String? {
        if case .timedOut(_, let reason) = self { reason } else { nil }
    }
}
