import Glibc
import Serving
import Testing

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite(.timeLimit(.minutes(1))) struct `A server that stops` {
    @Test func `lets a running request end, and takes no new one`() async throws {
        let begun = Event()
        let go = Event()
        let handler = Answers.stream { writer in
            try await writer.write([65])
            begun.happen()
            await go.wait()
            try await writer.write([66])
        }
        try await withDirectory { directory in
            let path = directory + "/s"
            let run = Running(
                HTTPServer(
                    listeners: [.unix(path: path, mode: 0o600, group: nil)], handler: handler, limits: .quick))
            let address = try #require(await run.addresses().first)
            let client = try RawClient(address)
            let idle = try RawClient(address)
            try await client.send(get)
            await begun.wait()
            run.stop()
            #expect(try await idle.isClosedByServer())
            #expect(try await eventually { entries(directory).isEmpty })
            #expect(throws: RawClient.Failure.self) { try RawClient(address) }
            go.happen()
            #expect(try await client.response().text == "AB")
            #expect(try await client.isClosedByServer())
            client.close()
            try await run.end()
        }
    }

    /// A client that has just connected sends in its next step; it must not find itself reset for that.
    @Test func `answers who connected before, once, and not who has been answered`() async throws {
        var limits = ServerLimits.quick
        limits.arrivalTimeout = .seconds(30)
        try await withDirectory { directory in
            let path = directory + "/s"
            let run = Running(
                HTTPServer(
                    listeners: [.unix(path: path, mode: 0o600, group: nil)], handler: Answers.echo, limits: limits))
            let address = try #require(await run.addresses().first)
            let answered = try RawClient(address)
            #expect(try await answered.ask(get).status == 200)
            let half = try RawClient(address)
            try await half.send("GET / HTTP/1.1\r\n")
            let new = try RawClient(address)
            // Accepted, all of them: in their order.
            #expect(try await RawClient(address).ask(get).status == 200)
            run.stop()
            #expect(try await answered.isClosedByServer())
            #expect(try await eventually { entries(directory).isEmpty })
            try await half.send("Host: a\r\n\r\n")
            try await new.send(get)
            for client in [half, new] {
                let answer = try await client.response()
                #expect(answer.status == 200)
                #expect(try await client.isClosedByServer())
                client.close()
            }
            try await run.end()
        }
    }

    @Test func `cancels requests that do not end in time, without ending their streams`() async throws {
        var limits = ServerLimits.quick
        limits.gracePeriod = .milliseconds(50)
        let begun = Event()
        let cancelled = Shared(false)
        let handler = Answers.stream { writer in
            try await writer.write([65])
            begun.happen()
            let (never, _) = AsyncStream.makeStream(of: Void.self)
            for await _ in never {}
            cancelled.set(Task.isCancelled)
        }
        let run = Running(HTTPServer(listeners: [.tcp(host: "127.0.0.1", port: 0)], handler: handler, limits: limits))
        let client = try RawClient(try #require(await run.addresses().first))
        try await client.send(get)
        await begun.wait()
        run.stop()
        try await run.end()
        #expect(cancelled.now)
        #expect(String(decoding: try await client.receiveAll(), as: UTF8.self).hasSuffix("1\r\nA\r\n"))
    }

    @Test func `closes at once when nothing runs`() async throws {
        var limits = ServerLimits.quick
        limits.gracePeriod = .seconds(600)
        try await withServer(Answers.echo, limits: limits) { address in
            let client = try RawClient(address)
            #expect(try await client.ask(get).status == 200)
        }
    }

    @Test func `leaves no descriptor open`() async {
        // In a process of its own, where no other test opens or closes any.
        await #expect(processExitsWith: .success) {
            try await serveAndCount(connections: 1)
            let before = entries("/proc/self/fd").count
            try await serveAndCount(connections: 40)
            let after = entries("/proc/self/fd").count
            if after != before { exit(1) }
        }
    }
}

/// Serves clients that leave in all manners.
private func serveAndCount(connections: Int) async throws {
    let handler = Answers { request in
        if request.path == "/stream" { return ServerResponse(status: 200, body: .stream { try await $0.write([65]) }) }
        return ServerResponse(status: 200, body: .bytes([65]))
    }
    try await withDirectory { directory in
        let listeners: [Listener] = [
            .unix(path: directory + "/s", mode: 0o600, group: nil), .tcp(host: "127.0.0.1", port: 0),
        ]
        try await withServers(handler, on: listeners) { addresses in
            for number in 0..<connections {
                let client = try RawClient(addresses[number % 2])
                switch number / 2 % 4 {
                case 0: _ = try await client.ask(get)
                case 1: _ = try await client.ask("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                case 2: _ = try await client.ask("GARBAGE\r\n\r\n")
                default: try await client.send("GET / HT")
                }
                client.close()
            }
        }
    }
}

/// A server in a task of its own, to be stopped while a test goes on.
private final class Running: Sendable {
    private let task: Task<Void, any Error>
    private let ready: AsyncStream<[BoundAddress]>

    init(_ server: HTTPServer) {
        let (ready, source) = AsyncStream.makeStream(of: [BoundAddress].self)
        self.ready = ready
        // The test that made it awaits it in `end`.
        task = Task {
            defer { source.finish() }
            try await server.run { source.yield($0) }
        }
    }

    func addresses() async -> [BoundAddress] {
        for await addresses in ready { return addresses }
        return []
    }
    func stop() { task.cancel() }
    func end() async throws { try await task.value }
}
