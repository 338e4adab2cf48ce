import Serving
import Testing

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite(.timeLimit(.minutes(1))) struct `A server's limits` {
    @Test func `end a head that does not come in time`() async throws {
        var limits = ServerLimits.quick
        limits.headerTimeout = .milliseconds(500)
        try await withServer(Answers.echo, limits: limits) { address in
            let client = try RawClient(address)
            let response = try await client.ask("GET / HTTP/1.1\r\nHost:")
            #expect(response.status == 408)
            #expect(try await client.isClosedByServer())
        }
    }

    @Test func `end a second head that does not come in time`() async throws {
        var limits = ServerLimits.quick
        limits.headerTimeout = .milliseconds(100)
        try await withServer(Answers.echo, limits: limits) { address in
            let client = try RawClient(address)
            #expect(try await client.ask(get).status == 200)
            #expect(try await client.ask("GET / HT").status == 408)
        }
    }

    @Test func `end a connection that never says anything`() async throws {
        var limits = ServerLimits.quick
        limits.headerTimeout = .milliseconds(100)
        try await withServer(Answers.echo, limits: limits) { address in
            let client = try RawClient(address)
            #expect(try await client.isClosedByServer())
        }
    }

    @Test func `end a connection that has been idle for long`() async throws {
        var limits = ServerLimits.quick
        limits.idleTimeout = .milliseconds(100)
        try await withServer(Answers.echo, limits: limits) { address in
            let client = try RawClient(address)
            #expect(try await client.ask(get).status == 200)
            #expect(try await client.isClosedByServer())
        }
    }

    @Test func `make the longest idle connection yield to a new one`() async throws {
        var limits = ServerLimits.quick
        limits.connections = 2
        try await withServer(Answers.echo, limits: limits) { address in
            let first = try RawClient(address)
            #expect(try await first.ask(get).status == 200)
            let second = try RawClient(address)
            #expect(try await second.ask(get).status == 200)
            #expect(try await first.ask(get).status == 200)
            let third = try RawClient(address)
            #expect(try await third.ask(get).status == 200)
            #expect(try await second.isClosedByServer())
            #expect(try await first.ask(get).status == 200)
        }
    }

    @Test func `refuse a new connection when all are busy, and take the next when one is free`() async throws {
        var limits = ServerLimits.quick
        limits.connections = 1
        let begun = Event()
        let go = Event()
        let handler = Answers { request in
            if request.path == "/wait" {
                begun.happen()
                await go.wait()
            }
            return ServerResponse(status: 200)
        }
        try await withServer(handler, limits: limits) { address in
            let busy = try RawClient(address)
            try await busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            await begun.wait()
            let refused = try RawClient(address)
            let response = try await refused.ask(get)
            #expect(response.status == 503)
            #expect(response.field("retry-after") == "1")
            #expect(try await refused.isClosedByServer())
            go.happen()
            #expect(try await busy.response().status == 200)
            #expect(try await RawClient(address).ask(get).status == 200)
        }
    }

    @Test func `close connections beyond those that can be refused in words`() async throws {
        var limits = ServerLimits.quick
        limits.connections = 1
        limits.refusals = 0
        let begun = Event()
        let go = Event()
        let handler = Answers { _ in
            begun.happen()
            await go.wait()
            return ServerResponse(status: 200)
        }
        try await withServer(handler, limits: limits) { address in
            let busy = try RawClient(address)
            try await busy.send(get)
            await begun.wait()
            #expect(try await RawClient(address).isClosedByServer())
            go.happen()
            #expect(try await busy.response().status == 200)
        }
    }

    @Test func `end the wait for a client that does not close after its last response`() async throws {
        var limits = ServerLimits.quick
        limits.lingerTimeout = .milliseconds(100)
        limits.gracePeriod = .seconds(60)
        // The server's stop waits for this connection, and so would the test.
        try await withServer(Answers.echo, limits: limits) { address in
            let client = try RawClient(address)
            #expect(try await client.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").status == 200)
            #expect(try await client.isClosedByServer())
            let refusesMore = try await eventually {
                do { try await client.send("more") } catch { return true }
                return false
            }
            #expect(refusesMore)
        }
    }
}
