import OCI
import TestSupport
import Testing
import Transport

@Suite(.enabled(if: TLSServer.isPossible, "openssl and nginx make the servers of these tests"))
struct `TLS` {
    @Test(.timeLimit(.minutes(1))) func `is trusted by the authority given, and speaks HTTP/2 where allowed`()
        async throws
    {
        try await withTLS { client, server in
            let two = try await client.collect(server.request("registry.test", "/small"), limit: 100)
            #expect(two.head.status == 200)
            #expect(two.head.httpVersion == "2")
            #expect(two.head.contentLength == 6)
            #expect(two.body == Array("small\n".utf8))
            let one = try await client.collect(
                server.request("registry.test", "/small") { $0.allowHTTP2 = false }, limit: 100)
            #expect(one.head.httpVersion == "1.1")
        }
    }

    @Test(.timeLimit(.minutes(1))) func `of a stranger is refused, and the sentence says what to set`() async throws {
        try await withTLS { client, server in
            let request = server.request("registry.test", "/small") { $0.caFile = nil }
            let error = await transportError { _ = try await client.collect(request, limit: 100) }
            #expect(error?.kind == .forbidden)
            #expect(
                error?.description == "cannot trust registry.test:\(server.tlsPort): its certificate is signed by an "
                    + "authority that is not trusted here; set `ca` for this registry")
            let after = try await client.collect(server.request("registry.test", "/small"), limit: 100)
            #expect(after.head.status == 200)
            let again = await transportError { _ = try await client.collect(request, limit: 100) }
            #expect(again?.kind == .forbidden, "a connection verified otherwise was used again")
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [("expired.test", "has expired"), ("wrong.test", "is for another name")])
    func `is refused when the certificate`(name: String, reason: String) async throws {
        try await withTLS { client, server in
            let error = await transportError {
                _ = try await client.collect(server.request(name, "/small"), limit: 100)
            }
            #expect(error?.description == "cannot trust \(name):\(server.tlsPort): its certificate \(reason)")
            let blind = try await client.collect(server.request(name, "/small") { $0.insecure = true }, limit: 100)
            #expect(blind.head.status == 200)
            let again = await transportError {
                _ = try await client.collect(server.request(name, "/small"), limit: 100)
            }
            #expect(again?.kind == .forbidden, "an unverified connection was used again")
        }
    }

    @Test(.timeLimit(.minutes(1))) func `shows the client certificate where one is set`() async throws {
        try await withTLS { client, server in
            let without = try await client.collect(server.request("mutual.test", "/small"), limit: 1000)
            #expect(without.head.status == 400)
            let request = server.request("mutual.test", "/small") {
                $0.clientCertificate = server.directory.path("client.pem")
                $0.clientKey = server.directory.path("client.key")
            }
            let with = try await client.collect(request, limit: 1000)
            #expect(with.head.status == 200)
            let broken = server.request("mutual.test", "/small") { $0.clientCertificate = "/nowhere/client.pem" }
            let error = await transportError { _ = try await client.collect(broken, limit: 1000) }
            #expect(error?.kind == .invalidInput)
            #expect(error?.description.contains("/nowhere/client.pem") == true)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `names a file of authorities that cannot be read`() async throws {
        try await withTLS { client, server in
            let request = server.request("registry.test", "/small") { $0.caFile = "/nowhere/ca.pem" }
            let error = await transportError { _ = try await client.collect(request, limit: 100) }
            #expect(error?.kind == .invalidInput)
            #expect(error?.description.contains("/nowhere/ca.pem") == true)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `spoken to a plain server is an error that says so`() async throws {
        try await withTLS { client, server in
            let request = direct("https://127.0.0.1:\(server.plainPort)/small")
            let error = await transportError { _ = try await client.collect(request, limit: 100) }
            #expect(error?.description.contains("does it speak https there?") == true, "\(String(describing: error))")
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [true, false])
    func `connections are used again, one transfer at a time`(allowHTTP2: Bool) async throws {
        try await withTLS { client, server in
            let request = server.request("registry.test", "/small") { $0.allowHTTP2 = allowHTTP2 }
            var connections: Set<String> = []
            for _ in 0..<5 {
                let answer = try await client.collect(request, limit: 100)
                connections.insert(answer.head.headers.first("X-Connection") ?? "")
            }
            #expect(connections.count == 1)
            let held = RecordingSink(room: 1)
            let big = server.request("registry.test", "/big") { $0.allowHTTP2 = allowHTTP2 }
            let task = Task { try await client.perform(big, into: held) }  // awaited below
            _ = try await held.record.wait(for: "the sink to be full") { $0.refused == nil ? nil : true }
            let beside = try await client.collect(request, limit: 100)
            #expect(
                beside.head.headers.first("X-Connection") != held.record.value.heads[0].headers.first("X-Connection"))
            held.makeRoom(.max)
            #expect(try await task.value.status == 200)
            #expect(held.record.value.body.count == TLSServer.bigSize)
            #expect(held.record.value.violation == nil)
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [true, false])
    func `carries many at once, paused and resumed again and again`(allowHTTP2: Bool) async throws {
        try await withTLS { client, server in
            let request = server.request("registry.test", "/big") { $0.allowHTTP2 = allowHTTP2 }
            let whole = try Files.read(server.directory.path("www/big"))
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<6 {
                    group.addTask {
                        let sink = RecordingSink(room: 1 << 20)
                        async let head = client.perform(request, into: sink)
                        while sink.record.value.body.count < whole.count {
                            let refusals = try await sink.record.wait(for: "a full sink") {
                                $0.refused != nil || $0.body.count == whole.count ? $0.refusals : nil
                            }
                            sink.makeRoom(number.isMultiple(of: 2) ? 1 << 20 : 5 << 20)
                            _ = try await sink.record.wait(for: "more") {
                                $0.refused == nil || $0.refusals > refusals ? true : nil
                            }
                        }
                        return try await head.status == 200 && sink.record.value.body == whole
                    }
                }
                for try await isWhole in group { #expect(isWhole) }
            }
        }
    }
}

func withTLS(_ body: (CurlClient, TLSServer) async throws -> Void) async throws {
    let server = try await TLSServer()
    try await withClient { try await body($0, server) }
    try await server.stop()
}
