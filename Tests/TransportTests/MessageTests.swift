import OCI
import TestSupport
import Testing
import Transport

@Suite struct `Headers` {
    @Test func `compare names without case and keep their order`() {
        var headers = HTTPHeaders([("Accept", "a"), ("X", "1"), ("accept", "b")])
        #expect(headers.all("ACCEPT") == ["a", "b"])
        headers.set("aCCept", "c")
        #expect(headers.fields.map(\.name) == ["X", "aCCept"])
        headers.remove("x")
        #expect(headers == HTTPHeaders([("aCCept", "c")]))
        #expect(headers.first("x") == nil)
    }

    @Test(arguments: [["5", "6"], ["five"], ["-1"], ["99999999999999999999"], []])
    func `announce no length when they contradict themselves or have none`(values: [String]) {
        let head = HTTPResponseHead(status: 200, headers: HTTPHeaders(values.map { ("Content-Length", $0) }))
        #expect(head.contentLength == nil)
    }
}

@Suite struct `A request` {
    @Test func `is sent as it was made`() async throws {
        let reply = ScriptedReply()
        try await withServer({ reply.steps(for: $0.method) }) { client, server in
            let headers = [("Accept", "a/b"), ("X-Empty", ""), ("Authorization", "Bearer t")]
            _ = try await client.collect(direct(server.url("/v2/a/../b?x=%2F&y"), headers: headers), limit: 10)
            let request = try #require(server.requests.first)
            #expect(request.method == "GET")
            #expect(request.target == "/v2/a/../b?x=%2F&y")
            #expect(request.headers.first("Accept") == "a/b")
            #expect(request.headers.first("X-Empty") == "")
            #expect(request.headers.first("Authorization") == "Bearer t")
            #expect(request.headers.first("User-Agent") == "layerd-test/1")
            for unasked in ["Accept-Encoding", "Content-Type", "Expect", "Content-Length"] {
                #expect(request.headers.first(unasked) == nil, "\(unasked) was added")
            }
        }
    }

    @Test(arguments: [
        (HTTPMethod.post, Optional(Array("a=b".utf8))), (.put, Array("x".utf8)), (.delete, nil), (.post, nil),
        (.post, []), (.post, [UInt8](repeating: 7, count: 300_000)),
    ])
    func `carries its method and body`(method: HTTPMethod, body: [UInt8]?) async throws {
        let reply = ScriptedReply(status: 201, body: [1])
        try await withServer({ reply.steps(for: $0.method) }) { client, server in
            let headers = [("Content-Type", "x/y"), ("User-Agent", "mine")]
            let answer = try await client.collect(
                direct(server.url(), method, headers: headers, body: body), limit: 10)
            #expect(answer.head.status == 201)
            #expect(answer.body == [1])
            let request = try #require(server.requests.first)
            #expect(request.method == method.text)
            #expect(request.body == body ?? [])
            #expect(request.headers.all("Content-Type") == ["x/y"])
            #expect(request.headers.all("User-Agent") == ["mine"])
            #expect(request.headers.first("Expect") == nil)
        }
    }

    @Test(arguments: [
        "ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1/x", "http://", "http://user:pw@127.0.0.1/", "",
        "http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: y", "http://127.0.0.1/\u{0}", "gopher://127.0.0.1:1/",
    ])
    func `is refused unless its URL is plain http or https`(url: String) async throws {
        try await withClient { client in
            let error = await transportError { _ = try await client.collect(direct(url), limit: 10) }
            #expect(error?.kind == .invalidInput, "\(String(describing: error))")
            #expect(error?.description.contains("pw") == false)
        }
    }

    @Test(arguments: [("X\r\nY", "z"), ("X", "z\r\nY: w"), ("", "z"), ("X y", "z"), ("X", "\u{0}")])
    func `is refused with a header that could become two`(name: String, value: String) async throws {
        try await withClient { client in
            let error = await transportError {
                _ = try await client.collect(direct("http://127.0.0.1:1/", headers: [(name, value)]), limit: 10)
            }
            #expect(error?.kind == .invalidInput)
        }
    }
}

@Suite struct `A collected body` {
    @Test func `is refused beyond its limit`() async throws {
        let reply = ScriptedReply(body: [UInt8](repeating: 1, count: 101))
        try await withServer({ reply.steps(for: $0.method) }) { client, server in
            let whole = try await client.collect(direct(server.url()), limit: 101)
            #expect(whole.body.count == 101)
            let error = await transportError { _ = try await client.collect(direct(server.url()), limit: 100) }
            #expect(error == .bodyTooLarge(host: "127.0.0.1:\(server.port)", limit: 100))
        }
    }

    @Test func `of a failure is cut there, and its status kept`() async throws {
        let reply = ScriptedReply(status: 500, body: [UInt8](repeating: 1, count: 5_000_000))
        try await withServer({ reply.steps(for: $0.method) }) { client, server in
            let answer = try await client.collect(direct(server.url()), limit: 1000)
            #expect(answer.head.status == 500)
            #expect(answer.body.count == 1000)
        }
    }
}
