import Glibc
import TestSupport
import Testing
import Transport

@Suite struct `Connections` {
    @Test func `are used again`() async throws {
        let reply = ScriptedReply(body: [1, 2, 3])
        try await withServer({ reply.steps(for: $0.method) }) { client, server in
            for _ in 0..<20 { _ = try await client.collect(direct(server.url()), limit: 10) }
            #expect(server.connections == 1)
            #expect(server.requests.count == 20)
        }
    }

    @Test func `that died while idle are replaced`() async throws {
        let reply = ScriptedReply(body: [1])
        try await withServer({ reply.steps(for: $0.method) + [.finish] }) { client, server in
            for _ in 0..<10 {
                let answer = try await client.collect(direct(server.url()), limit: 10)
                #expect(answer.body == [1])
            }
            #expect(server.requests.count == 10)
        }
    }

    @Test func `are not used again after a body that was given up`() async throws {
        let body = [UInt8](repeating: 1, count: 1 << 20)
        let reply = ScriptedReply(body: body)
        try await withServer({ reply.steps(for: $0.method) }) { client, server in
            for _ in 0..<3 {
                _ = await transportError { _ = try await client.collect(direct(server.url()), limit: 10) }
            }
            let answer = try await client.collect(direct(server.url()), limit: body.count)
            #expect(answer.body == body)
            #expect(server.connections == 4)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `carry fifty transfers at once`() async throws {
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 >> 3) }
        let reply = ScriptedReply(body: body)
        try await withServer({ reply.steps(for: $0.method) }) { client, server in
            let url = server.url()
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<50 {
                    group.addTask { try await client.collect(direct(url), limit: body.count).body == body }
                }
                for try await isSame in group { #expect(isSame) }
            }
            #expect(server.requests.count == 50)
            #expect(server.connections <= 32)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `are at most as many as allowed, and the rest wait without timing out`()
        async throws
    {
        let checkpoint = Checkpoint()
        let reply = ScriptedReply(body: [1, 2], end: .stall(after: 1, checkpoint))
        try await withServer({ reply.steps(for: $0.method) }) { client, server in
            try await withClient(perHost: 2) { narrow in
                let request = direct(server.url()) { $0.connectTimeout = .milliseconds(300) }
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<8 { group.addTask { try await narrow.collect(request, limit: 10).body.count } }
                    _ = try await server.requests(atLeast: 2)
                    // Something that takes four times the connect timeout.
                    let silent = try ScriptedServer { _ in [.stop(Checkpoint())] }
                    let waiting = direct(silent.url()) { $0.total = .milliseconds(1200) }
                    _ = await transportError { _ = try await client.collect(waiting, limit: 10) }
                    #expect(server.requests.count == 2)
                    checkpoint.open()
                    for try await count in group { #expect(count == 2) }
                }
                #expect(server.connections == 2)
            }
        }
    }

    @Test func `to one name at several addresses go where they are told`() async throws {
        let reply = ScriptedReply(body: [7])
        try await withServer({ reply.steps(for: $0.method) }) { client, server in
            for name in ["registry.test", "auth.test", "cdn.test"] {
                let request = direct("http://\(name):\(server.port)/") {
                    $0.resolve = ["registry.test", "auth.test", "cdn.test"].map { "\($0):\(server.port):127.0.0.1" }
                }
                let answer = try await client.collect(request, limit: 10)
                #expect(answer.body == [7])
            }
            #expect(
                server.requests.map { $0.headers.first("Host") } == [
                    "registry.test:\(server.port)", "auth.test:\(server.port)", "cdn.test:\(server.port)",
                ])
        }
    }

    @Test func `go through a proxy where one is set, which sees no credentials of its URL in errors`() async throws {
        let reply = ScriptedReply(body: [5])
        try await withServer({ reply.steps(for: $0.method) }) { client, proxy in
            var request = direct("http://registry.test/v2/")
            request.options.proxy = "http://me:topsecret@127.0.0.1:\(proxy.port)"
            let answer = try await client.collect(request, limit: 10)
            #expect(answer.body == [5])
            #expect(proxy.requests.first?.target == "http://registry.test/v2/")
            request.options.proxy = "http://me:topsecret@127.0.0.1:1"
            let error = await transportError { _ = try await client.collect(request, limit: 10) }
            #expect(error?.description.contains("registry.test") == true)
            #expect(error?.description.contains("topsecret") == false)
        }
    }

    @Test func `go through the environment's proxy, but for hosts exempt from it`() async throws {
        await #expect(processExitsWith: .success) {
            let proxy = try ScriptedServer(ScriptedReply(body: [6]))
            let host = try ScriptedServer(ScriptedReply(body: [7]))
            setenv("http_proxy", "http://127.0.0.1:\(proxy.port)", 1)
            setenv("no_proxy", "127.0.0.1", 1)
            let client = CurlClient(userAgent: "layerd-test/1")
            let proxied = try await client.collect(HTTPRequest(url: "http://registry.test/"), limit: 10)
            #expect(proxied.body == [6])
            let exempt = try await client.collect(HTTPRequest(url: host.url()), limit: 10)
            #expect(exempt.body == [7])
            await client.shutdown()
        }
    }

    @Test func `go through no proxy of the environment where the request names its own, or none`() async throws {
        await #expect(processExitsWith: .success) {
            let hostile = try ScriptedServer(ScriptedReply(body: [6]))
            let own = try ScriptedServer(ScriptedReply(body: [7]))
            let names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
            for name in names { setenv(name, "http://127.0.0.1:\(hostile.port)", 1) }
            let client = CurlClient(userAgent: "layerd-test/1")
            let unproxied = try await client.collect(direct(own.url()), limit: 10)
            #expect(unproxied.body == [7])
            let proxied = direct("http://registry.test/") { $0.proxy = "http://127.0.0.1:\(own.port)" }
            let viaOwn = try await client.collect(proxied, limit: 10)
            #expect(viaOwn.body == [7])
            let directory = try TemporaryDirectory("layerd-transport")
            let path = directory.path("control.sock")
            let control = try ScriptedServer(unixPath: path) { ScriptedReply(body: [8]).steps(for: $0.method) }
            var local = HTTPRequest(url: "http://layerd/")
            local.options.unixSocket = path
            let overSocket = try await client.collect(local, limit: 10)
            #expect(overSocket.body == [8])
            #expect(hostile.connections == 0 && control.connections == 1)
            await client.shutdown()
        }
    }

    @Test(.timeLimit(.minutes(1))) func `to an address that swallows everything end in time`() async throws {
        let hole = try BlackHole()
        try await withClient { client in
            let request = direct("http://127.0.0.1:\(hole.port)/") { $0.connectTimeout = .milliseconds(200) }
            let error = await transportError { _ = try await client.collect(request, limit: 10) }
            #expect(
                error == .timedOut(host: "127.0.0.1:\(hole.port)", reason: "no connection within 200 ms"),
                "\(String(describing: error))")
        }
    }

    /// The first address swallows everything, as IPv6 does behind some routers; the second answers.
    @Test(.timeLimit(.minutes(1))) func `to a name take its next address while the first says nothing`() async throws {
        let reply = ScriptedReply(body: [7])
        try await withServer({ reply.steps(for: $0.method) }) { client, server in
            guard let hole = try? BlackHole(version6: true, port: server.port) else {
                print("skipped: no IPv6 here")
                return
            }
            defer { _ = hole }
            let request = direct("http://registry.test:\(server.port)/") {
                $0.resolve = ["registry.test:\(server.port):[::1],127.0.0.1"]
                $0.connectTimeout = .seconds(20)
            }
            let began = ContinuousClock.now
            let answer = try await client.collect(request, limit: 10)
            #expect(answer.body == [7])
            #expect(ContinuousClock.now - began < .seconds(10))
        }
    }

    @Test func `through a proxy that says no are an error`() async throws {
        try await withServer({ _ in [.text("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")] }) { client, proxy in
            var request = direct("https://registry.test/v2/")
            request.options.proxy = "http://127.0.0.1:\(proxy.port)"
            let error = await transportError { _ = try await client.collect(request, limit: 10) }
            #expect(error == .unreachable(host: "registry.test", reason: "the proxy answered 403"))
            #expect(proxy.requests.first?.target == "registry.test:443")
        }
    }
}

@Suite struct `A Unix socket` {
    @Test(.timeLimit(.minutes(1))) func `is spoken to without a proxy, and each line is shown as it comes`()
        async throws
    {
        let directory = try TemporaryDirectory("layerd-transport")
        let path = directory.path("control.sock")
        let checkpoint = Checkpoint()
        let server = try ScriptedServer(unixPath: path) { _ in
            [
                .text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{}\r\n\r\n"), .stop(checkpoint),
                .text("3\r\n{}\n\r\n0\r\n\r\n"),
            ]
        }
        try await withClient { client in
            var request = HTTPRequest(method: .post, url: "http://layerd/layerd/v1/pull", body: [])
            request.options.unixSocket = path
            request.options.proxy = "http://127.0.0.1:1"
            let sink = RecordingSink()
            let sent = request
            let task = Task { try await client.perform(sent, into: sink) }  // awaited below
            _ = try await sink.record.wait(for: "the first line") { $0.body.count == 4 ? true : nil }
            checkpoint.open()
            #expect(try await task.value.status == 200)
            #expect(sink.record.value.body == Array("{}\r\n{}\n".utf8))
            #expect(server.requests.first?.target == "/layerd/v1/pull")
        }
        try await server.stop()
    }

    @Test func `that is not there is named in the error`() async throws {
        try await withClient { client in
            let request = direct("http://layerd/") { $0.unixSocket = "/nowhere/layerd.sock" }
            let error = await transportError { _ = try await client.collect(request, limit: 10) }
            #expect(error == .unreachable(host: "the socket /nowhere/layerd.sock", reason: "no such socket"))
        }
    }
}
