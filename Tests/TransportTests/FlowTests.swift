import OCI
import TestSupport
import Testing
import Transport

private let mebibyte = [UInt8](repeating: 0x5a, count: 1 << 20)

private func flood(_ mebibytes: Int) -> [ScriptedServer.Step] {
    [.text("HTTP/1.1 200 OK\r\nContent-Length: \(mebibytes << 20)\r\n\r\n"), .flood(mebibyte, times: mebibytes)]
}

@Suite struct `A full sink` {
    @Test(.timeLimit(.minutes(1))) func `bounds what is received`() async throws {
        try await withServer({ _ in flood(64) }) { client, server in
            let sink = RecordingSink(room: 1 << 20)
            let request = direct(server.url())
            let task = Task { try await client.perform(request, into: sink) }  // awaited below
            _ = try await sink.record.wait(for: "the sink to be full") { $0.refused == nil ? nil : true }
            // Another transfer of the same client is not held up, and takes longer than the kernel's buffers to fill.
            let counter = CountingSink()
            _ = try await client.perform(direct(server.url()), into: counter)
            #expect(counter.count.value == 64 << 20)
            let forTheFull = server.sentBytes - 64 << 20
            #expect(forTheFull < 24 << 20, "\(forTheFull) bytes were sent to a sink with room for 1 MiB")
            #expect(sink.record.value.refusals == 1)
            sink.makeRoom(.max)
            #expect(try await task.value.status == 200)
            #expect(sink.record.value.body.count == 64 << 20)
            #expect(sink.record.value.violation == nil)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `ends promptly when the task is cancelled`() async throws {
        try await withServer({ _ in flood(64) }) { client, server in
            let sink = RecordingSink(room: 100_000)
            let request = direct(server.url())
            let task = Task { try await client.perform(request, into: sink) }  // awaited below
            _ = try await sink.record.wait(for: "the sink to be full") { $0.refused == nil ? nil : true }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            sink.close()
            sink.makeRoom(.max)
            let reply = try await client.collect(direct(server.url(), .head), limit: 10)
            #expect(reply.head.status == 200)
            #expect(sink.record.value.violation == nil)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `may throw when the bytes come again`() async throws {
        struct Refused: Error {}
        try await withServer({ _ in flood(4) }) { client, server in
            let sink = RecordingSink(room: 100_000, refusal: .body(after: 150_000, Refused()))
            let request = direct(server.url())
            let task = Task { try await client.perform(request, into: sink) }  // awaited below
            _ = try await sink.record.wait(for: "the sink to be full") { $0.refused == nil ? nil : true }
            sink.makeRoom(.max)
            await #expect(throws: Refused.self) { try await task.value }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `is not taken for a stalled server`() async throws {
        try await withServer({ _ in flood(8) }) { client, server in
            let sink = RecordingSink(room: 100_000)
            let request = direct(server.url()) {
                $0.lowSpeedTime = .seconds(1)
                $0.lowSpeedBytesPerSecond = 1000
            }
            let task = Task { try await client.perform(request, into: sink) }  // awaited below
            _ = try await sink.record.wait(for: "the sink to be full") { $0.refused == nil ? nil : true }
            // A transfer of the same client that does stall shows that the limit's time has passed, twice.
            for _ in 0..<2 { await expectStall(client) }
            sink.makeRoom(.max)
            #expect(try await task.value.status == 200)
        }
    }

    private func expectStall(_ client: CurlClient) async {
        let error = await transportError {
            let silent = try ScriptedServer { _ in [.stop(Checkpoint())] }
            let request = direct(silent.url()) { $0.lowSpeedTime = .seconds(1) }
            _ = try await client.collect(request, limit: 10)
        }
        #expect(error?.kind == .timedOut)
    }
}

@Suite struct `Cancelling` {
    @Test(.timeLimit(.minutes(1))) func `ends a transfer that waits for its head, and its connection`() async throws {
        let checkpoint = Checkpoint()
        try await withServer({ _ in [.stop(checkpoint)] }) { client, server in
            let request = direct(server.url())
            let task = Task { try await client.collect(request, limit: 10) }  // awaited below
            try await checkpoint.reached()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a hundred transfers at once leaves none behind`() async throws {
        let checkpoint = Checkpoint()
        try await withServer({ _ in [.text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12"), .stop(checkpoint)] }) {
            client, server in
            let url = server.url()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 { group.addTask { _ = try await client.collect(direct(url), limit: 10) } }
                _ = try await server.requests(atLeast: 10)
                group.cancelAll()
                while let result = await group.nextResult() {
                    #expect(throws: CancellationError.self) { try result.get() }
                }
            }
        }
    }
}
