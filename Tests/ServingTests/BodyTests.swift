import Serving
import Testing

private func post(_ length: Int, _ more: String = "") -> String {
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\(more)\r\n"
}

@Suite(.timeLimit(.minutes(1))) struct `A request's body` {
    @Test func `arrives whole, by length or in chunks`() async throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        let handler = Answers { request in
            let body = (try? await request.body.collect(limit: 4_000_000)) ?? []
            return ServerResponse(status: 200, body: .bytes(body))
        }
        try await withServer(handler) { address in
            let client = try RawClient(address)
            let upload = Task { try await client.send(Array(post(bytes.count).utf8) + bytes) }
            #expect(try await client.response().body == bytes)
            try await upload.value
            var chunks = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
            for start in stride(from: 0, to: bytes.count, by: 70_000) {
                let chunk = bytes[start..<min(start + 70_000, bytes.count)]
                chunks += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8)
            }
            let all = chunks + Array("0\r\n\r\n".utf8)
            let second = Task { try await client.send(all) }
            #expect(try await client.response().body == bytes)
            try await second.value
        }
    }

    @Test func `is refused beyond the handler's limit`() async throws {
        let handler = Answers { request in
            do { _ = try await request.body.collect(limit: 10) } catch {
                return ServerResponse(status: 413, body: .bytes(Array("\(error)".utf8)))
            }
            return ServerResponse(status: 200)
        }
        try await withServer(handler) { address in
            #expect(try await RawClient(address).ask(post(10) + "0123456789").status == 200)
            let response = try await RawClient(address).ask(post(11) + "0123456789a")
            #expect(response.status == 413)
            #expect(response.text == "the request's body is longer than 10 bytes")
        }
    }

    @Test func `is waited for with 100 Continue when the handler reads it`() async throws {
        try await withServer(Answers.echo) { address in
            let client = try RawClient(address)
            #expect(try await client.ask(post(3, "Expect: 100-continue\r\n")).status == 100)
            #expect(try await client.ask("abc").text == "POST / 3")
            #expect(try await client.ask("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        }
    }

    @Test func `is not asked for when the handler does not read it`() async throws {
        try await withServer(Answers.text("no")) { address in
            let client = try RawClient(address)
            let response = try await client.ask(post(3, "Expect: 100-continue\r\n"))
            #expect(response.status == 200)
            #expect(response.field("connection") == "close")
            #expect(try await client.isClosedByServer())
        }
    }

    @Test func `is discarded when it is short and unread, and the connection kept`() async throws {
        try await withServer(Answers.text("no")) { address in
            let client = try RawClient(address)
            try await client.send(post(100_000))
            #expect(try await client.response().field("connection") == nil)
            try await client.send([UInt8](repeating: 65, count: 100_000))
            #expect(try await client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        }
    }

    @Test func `is drained when it is long and unread, so that a client that sends first gets its answer`() async throws
    {
        try await withServer(Answers.text("no")) { address in
            let client = try RawClient(address)
            try await client.send(post(64 << 20))
            for _ in 0..<64 { try await client.send([UInt8](repeating: 65, count: 1 << 20)) }
            let response = try await client.response()
            #expect(response.text == "no")
            #expect(response.field("connection") == "close")
            #expect(try await client.isClosedByServer())
        }
    }

    @Test func `is taken off the socket only as fast as it is read`() async throws {
        let go = Event()
        let total = 64 << 20
        let handler = Answers { request in
            await go.wait()
            var got = 0
            do { for try await piece in request.body { got += piece.count } } catch {
                return ServerResponse(status: 500)
            }
            return ServerResponse(status: 200, body: .bytes(Array("\(got)".utf8)))
        }
        try await withServer(handler) { address in
            let client = try RawClient(address)
            try await client.send(post(total))
            let taken = try await client.sendWhileTaken(most: total)
            // Our 256 KiB, and what the kernel holds for sender and receiver (some MiB each).
            #expect(taken < 24 << 20, "\(taken) bytes were taken for a handler that reads nothing")
            go.happen()
            try await client.send([UInt8](repeating: 65, count: total - taken))
            #expect(try await client.response().text == "\(total)")
        }
    }

    @Test func `that breaks off is an error and no end`() async throws {
        let seen = Shared("")
        let handler = Answers { request in
            do { _ = try await request.body.collect(limit: 100) } catch { seen.set("\(error)") }
            return ServerResponse(status: 200)
        }
        try await withServer(handler) { address in
            let client = try RawClient(address)
            try await client.send(post(3) + "ab")
            client.finishSending()
            _ = try await client.receiveAll()
        }
        #expect(seen.now == "\(ClientGone())")
    }

    @Test func `can be read while the response is written`() async throws {
        let handler = Answers { request in
            ServerResponse(
                status: 200,
                body: .stream { writer in
                    for try await piece in request.body { try await writer.write(piece) }
                })
        }
        try await withServer(handler) { address in
            let client = try RawClient(address)
            try await client.send(post(6))
            for part in ["ab", "cd", "ef"] {
                try await client.send(part)
                var got = ""
                while !got.hasSuffix("2\r\n\(part)\r\n") && !got.hasSuffix("0\r\n\r\n") {
                    got += String(decoding: try await client.receive(), as: UTF8.self)
                }
            }
        }
    }

    @Test func `stops waiting when its reader is cancelled`() async throws {
        let handler = Answers { request in
            let reading = Task { try await request.body.collect(limit: 100) }
            await Task.yield()
            reading.cancel()
            do { _ = try await reading.value } catch is CancellationError {
                return ServerResponse(status: 200, body: .bytes(Array("cancelled".utf8)))
            } catch { return ServerResponse(status: 500) }
            return ServerResponse(status: 500)
        }
        try await withServer(handler) { address in
            let client = try RawClient(address)
            #expect(try await client.ask(post(3)).text == "cancelled")
        }
    }

    @Test func `that does not come is given up`() async throws {
        var limits = ServerLimits.quick
        limits.stallTimeout = .milliseconds(100)
        try await withServer(Answers.echo, limits: limits) { address in
            let client = try RawClient(address)
            try await client.send(post(3) + "a")
            #expect(try await client.isClosedByServer())
        }
    }
}
