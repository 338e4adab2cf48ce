import Serving
import Testing

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite(.timeLimit(.minutes(1))) struct `A client that is slow or leaves` {
    @Test(arguments: [true, false])
    func `makes a stream wait`(overUnixSocket: Bool) async throws {
        let read = Shared(0)
        let lead = Shared(0)
        let begun = Event()
        let pieces = 512
        let handler = Answers.stream { writer in
            for number in 0..<pieces {
                try await writer.write([UInt8](repeating: 65, count: 64 << 10))
                let ahead = (number + 1) << 16 - read.now
                lead.update { $0 = max($0, ahead) }
                if number == 1 { begun.happen() }
            }
        }
        try await withDirectory { directory in
            let unix = Listener.unix(path: directory + "/s", mode: 0o600, group: nil)
            let listener = overUnixSocket ? unix : .tcp(host: "127.0.0.1", port: 0)
            try await withServer(handler, on: [listener]) { address in
                let client = try RawClient(address, receiveBuffer: 64 << 10)
                try await client.send(get)
                await begun.wait()
                while read.now < pieces << 16 {
                    let count = try await client.receive(1 << 20).count
                    try #require(count > 0)
                    read.update { $0 += count }
                }
            }
        }
        // The stream has 32 MiB. Between writer and reader are our 128 KiB and the kernel's buffers (TCP: up to 4 MiB).
        #expect(lead.now < 8 << 20, "the writer was \(lead.now) bytes ahead of the reader")
    }

    @Test func `ends a stream by leaving without reading it`() async throws {
        let written = Shared(0)
        let begun = Event()
        let end = Shared("")
        let over = Event()
        let handler = Answers.stream { writer in
            defer { over.happen() }
            do {
                while true {
                    try await writer.write([UInt8](repeating: 65, count: 64 << 10))
                    written.update { $0 += 64 << 10 }
                    if written.now >= 128 << 10 { begun.happen() }
                }
            } catch { end.set("\(error)") }
        }
        try await withServer(handler) { address in
            let client = try RawClient(address, receiveBuffer: 64 << 10)
            try await client.send(get)
            await begun.wait()
            client.close()
            await over.wait()
        }
        #expect(end.now == "\(ClientGone())")
        #expect(written.now < 16 << 20)
    }

    @Test func `is noticed while the stream has nothing to write`() async throws {
        let begun = Event()
        let over = Event()
        let cancelled = Shared(false)
        let handler = Answers.stream { writer in
            try await writer.write([65])
            begun.happen()
            await untilCancelled()
            cancelled.set(Task.isCancelled)
            over.happen()
        }
        try await withUnixServer(handler) { address in
            let client = try RawClient(address)
            try await client.send(get)
            await begun.wait()
            client.close()
            await over.wait()
        }
        #expect(cancelled.now)
    }

    @Test func `is noticed while the handler computes its answer`() async throws {
        let begun = Event()
        let over = Event()
        let handler = Answers { _ in
            begun.happen()
            await untilCancelled()
            over.happen()
            return ServerResponse(status: 200)
        }
        try await withUnixServer(handler) { address in
            let client = try RawClient(address)
            try await client.send(get)
            await begun.wait()
            client.close()
            await over.wait()
        }
    }

    @Test func `over TCP is noticed by the next write`() async throws {
        let begun = Event()
        let left = Event()
        let over = Event()
        let handler = Answers.stream { writer in
            try await writer.write([65])
            begun.happen()
            await left.wait()
            defer { over.happen() }
            while true { try await writer.write([65]) }
        }
        try await withServer(handler) { address in
            let client = try RawClient(address)
            try await client.send(get)
            await begun.wait()
            client.close()
            left.happen()
            await over.wait()
        }
    }

    @Test(arguments: [true, false])
    func `has not left when it has only said all it has to say`(overUnixSocket: Bool) async throws {
        let begun = Event()
        let go = Event()
        let cancelled = Shared(true)
        let handler = Answers { request in
            begun.happen()
            await go.wait()
            cancelled.set(Task.isCancelled)
            return ServerResponse(status: 200, body: .stream { try await $0.write(Array(request.path.utf8)) })
        }
        try await withDirectory { directory in
            let unix = Listener.unix(path: directory + "/s", mode: 0o600, group: nil)
            try await withServer(handler, on: [overUnixSocket ? unix : .tcp(host: "127.0.0.1", port: 0)]) { address in
                let client = try RawClient(address)
                try await client.send("GET /still/here HTTP/1.1\r\nHost: a\r\n\r\n")
                client.finishSending()
                await begun.wait()
                go.happen()
                #expect(try await client.response().text == "/still/here")
                #expect(try await client.isClosedByServer())
            }
        }
        #expect(!cancelled.now)
    }

    @Test func `is closed when it takes nothing of a response for too long`() async throws {
        var limits = ServerLimits.quick
        limits.stallTimeout = .milliseconds(200)
        let over = Event()
        let handler = Answers.stream { writer in
            defer { over.happen() }
            while true { try await writer.write([UInt8](repeating: 65, count: 64 << 10)) }
        }
        try await withServer(handler, limits: limits) { address in
            let client = try RawClient(address)
            try await client.send(get)
            await over.wait()
            client.close()
        }
    }

    @Test func `is not closed while its handler takes its time`() async throws {
        var limits = ServerLimits.quick
        limits.stallTimeout = .milliseconds(50)
        limits.idleTimeout = .milliseconds(50)
        let handler = Answers { _ in
            // Longer than every limit: that of an idle client must have passed meanwhile.
            try? await Task.sleep(for: .milliseconds(400))
            return ServerResponse(status: 200)
        }
        try await withServer(handler, limits: limits) { address in
            let client = try RawClient(address)
            #expect(try await client.ask(get).status == 200)
        }
    }
}

/// Waits for the cancellation of the task, and for nothing else.
private func untilCancelled() async {
    let (never, _) = AsyncStream.makeStream(of: Void.self)
    for await _ in never {}
}

private func withUnixServer(_ handler: any RequestHandler, _ body: (BoundAddress) async throws -> Void) async throws {
    try await withDirectory { directory in
        try await withServer(handler, on: [.unix(path: directory + "/s", mode: 0o600, group: nil)], body)
    }
}
