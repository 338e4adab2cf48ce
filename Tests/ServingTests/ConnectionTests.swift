import Serving
import Testing

@Suite(.timeLimit(.minutes(1))) struct `A connection` {
    @Test func `serves one request after the other`() async throws {
        try await withServer(Answers.echo) { address in
            let client = try RawClient(address)
            for path in ["/1", "/2", "/3"] {
                #expect(try await client.ask("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n").text == "GET \(path) 0")
            }
        }
    }

    @Test func `answers pipelined requests in their order, one at a time`() async throws {
        let running = Shared(0)
        let most = Shared(0)
        let handler = Answers { request in
            running.update { $0 += 1 }
            let now = running.now
            most.update { $0 = max($0, now) }
            await Task.yield()
            let body = (try? await request.body.collect(limit: 100)) ?? []
            running.update { $0 -= 1 }
            return ServerResponse(status: 200, body: .bytes(Array(request.path.utf8) + body))
        }
        try await withServer(handler) { address in
            let client = try RawClient(address)
            let requests = (0..<200).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n=\($0 % 10)" }
            try await client.send(requests.joined())
            for number in 0..<200 { #expect(try await client.response().text == "/\(number)=\(number % 10)") }
        }
        #expect(most.now == 1)
    }

    @Test func `answers what was pipelined before the client closed its side`() async throws {
        try await withServer(Answers.echo) { address in
            let client = try RawClient(address)
            try await client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            client.finishSending()
            #expect(try await client.response().text == "GET /1 0")
            #expect(try await client.response().text == "GET /2 0")
            #expect(try await client.isClosedByServer())
        }
    }

    @Test func `is closed after a response when the client asks for it`() async throws {
        try await withServer(Answers.echo) { address in
            let client = try RawClient(address)
            let response = try await client.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(response.field("connection") == "close")
            #expect(try await client.isClosedByServer())
        }
    }

    @Test func `is closed after a response when the handler asks for it`() async throws {
        let handler = Answers { _ in ServerResponse(status: 200, headers: ServerHeaders([("Connection", "close")])) }
        try await withServer(handler) { address in
            let client = try RawClient(address)
            #expect(
                try await client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").fields.count { $0 == "Connection: close" }
                    == 1)
            #expect(try await client.isClosedByServer())
        }
    }

    @Test func `of an HTTP 1.0 client is closed after the response`() async throws {
        try await withServer(Answers.echo) { address in
            let client = try RawClient(address)
            let response = try await client.ask("GET / HTTP/1.0\r\n\r\n")
            #expect(response.text == "GET / 0")
            #expect(try await client.isClosedByServer())
        }
    }

    @Test func `of an HTTP 1.0 client is kept when it asks for it`() async throws {
        try await withServer(Answers.echo) { address in
            let client = try RawClient(address)
            let request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
            #expect(try await client.ask(request).field("connection") == "keep-alive")
            #expect(try await client.ask(request).status == 200)
        }
    }

    @Test(arguments: [
        ("GARBAGE\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400), ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /?a=%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\nContent-Length: 1\r\n\r\n", 417),
        ("GET /" + String(repeating: "a", count: 40_000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 80_000) + "\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: a\r\n", count: 200) + "\r\n", 431),
    ])
    func `answers a malformed request by its status, and closes without reset`(text: String, status: Int) async throws {
        let handler = Answers { request in
            _ = try? await request.body.collect(limit: 1000)
            return ServerResponse(status: 200)
        }
        try await withServer(handler) { address in
            let client = try RawClient(address)
            let response = try await client.ask(text)
            #expect(response.status == status)
            #expect(response.field("connection") == "close")
            #expect(try await client.isClosedByServer())
        }
    }

    @Test func `is closed at once when a client greets in TLS`() async throws {
        try await withServer(Answers.echo) { address in
            let client = try RawClient(address)
            try await client.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00])
            #expect(try await client.isClosedByServer())
        }
    }

    @Test func `serves the next request after one that asks to change the protocol`() async throws {
        try await withServer(Answers.echo) { address in
            let client = try RawClient(address)
            _ = try await client.ask("POST /session HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            #expect(try await client.ask("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").text == "GET /2 0")
        }
    }

    @Test func `hands over what the request says`() async throws {
        let seen = Shared<ServerRequest?>(nil)
        let handler = Answers { request in
            seen.set(request)
            return ServerResponse(status: 200)
        }
        try await withServer(handler) { address in
            _ = try await RawClient(address).ask("GET /a%2Fb?x=1+2&x=%33 HTTP/1.1\r\nHost: a\r\nX-Two: b\r\n\r\n")
        }
        let request = try #require(seen.now)
        #expect(request.method == "GET")
        #expect(request.target == "/a%2Fb?x=1+2&x=%33")
        #expect(request.path == "/a%2Fb")
        #expect(request.query.map(\.value) == ["1 2", "3"])
        #expect(request.headers.first("x-two") == "b")
        #expect(request.version == "1.1")
        #expect(request.peer == nil)
    }

    @Test func `is one of 200 at once`() async throws {
        var limits = ServerLimits.quick
        limits.threads = 2
        let handler = Answers { request in
            await Task.yield()
            return ServerResponse(status: 200, body: .bytes(Array(request.path.utf8)))
        }
        try await withServer(handler, limits: limits) { address in
            let clients = try (0..<200).map { _ in try RawClient(address) }
            for round in 0..<3 {
                for (number, client) in clients.enumerated() {
                    try await client.send("GET /\(round)/\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                }
                for (number, client) in clients.enumerated() {
                    #expect(try await client.response().text == "/\(round)/\(number)")
                }
            }
        }
    }
}
