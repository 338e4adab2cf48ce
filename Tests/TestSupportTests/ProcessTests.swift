import TestSupport
import Testing

@Suite struct `A process run by a test` {
    @Test func `gives its output, its errors and its status`() async throws {
        let result = try await runProcess("sh", ["-c", "cat; echo wrong >&2; exit 3"], stdin: Array("right".utf8))
        #expect(result.output == "right")
        #expect(result.errors == "wrong\n")
        #expect(result.status == 3)
    }

    @Test func `passes megabytes through without blocking`() async throws {
        let bytes = GeneratedSource(seed: 1, size: 3_000_000).read(at: 0, count: 3_000_000)
        #expect(try await runProcess("cat", [], stdin: bytes).stdout == bytes)
    }

    @Test func `does not mind that its input is not read`() async throws {
        let bytes = [UInt8](repeating: 0, count: 1 << 20)
        #expect(try await runProcess("true", [], stdin: bytes).status == 0)
    }

    @Test func `has the variables it was given, and only those`() async throws {
        let result = try await runProcess("env", [], environment: ["ONE": "1"])
        #expect(result.output == "ONE=1\n")
    }

    @Test func `is killed with its whole group when its time is over`() async throws {
        let directory = try TemporaryDirectory()
        let script = "sleep 600 & echo $! > \(directory.path("pid")); wait"
        await #expect(throws: StandInError.self) {
            try await runProcess("sh", ["-c", script], timeout: .milliseconds(300))
        }
        let pid = String(decoding: try Files.read(directory.path("pid")), as: UTF8.self).dropLast()
        // A process that nobody has waited for yet is a zombie for a moment: its state is Z, or it is gone.
        let state = try await runProcess("sh", ["-c", "ps -o stat= -p \(pid) | grep -v Z"])
        #expect(state.output == "")
    }

    @Test func `is killed when the task is cancelled`() async throws {
        let task = Task { try await runProcess("sleep", ["600"]) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `reports the signal that ended it`() async throws {
        let process = try RunningProcess("sh", ["-c", "echo ready; exec sleep 600"])
        _ = try await process.wait(for: "ready") { $0.outputText.contains("ready") ? true : nil }
        process.signal(15)
        #expect(try await process.exit() == 128 + 15)
    }

    @Test func `says so when it ends before it is ready`() async throws {
        let process = try RunningProcess("sh", ["-c", "echo broken >&2; exit 1"])
        await #expect(throws: StandInError.self) {
            try await process.wait(for: "ready") { $0.outputText.contains("ready") ? true : nil }
        }
    }

    @Test func `reads its input until that is closed`() async throws {
        let process = try RunningProcess("cat", stdin: Array("kept".utf8), keepsInputOpen: true)
        _ = try await process.wait(for: "its input") { $0.outputText == "kept" ? true : nil }
        #expect(process.state.status == nil)
        process.closeInput()
        #expect(try await process.exit() == 0)
    }

    @Test func `is refused when there is no such command`() async {
        await #expect(throws: StandInError.self) { try await runProcess("no-such-command-of-layerd", []) }
    }
}

@Suite struct `A watched value` {
    @Test func `wakes those whose condition holds`() async throws {
        let value = Watched(0)
        async let seen = value.wait(for: "five") { $0 >= 5 ? $0 : nil }
        for _ in 0..<7 { value.update { $0 += 1 } }
        #expect(try await seen >= 5)
    }

    @Test func `gives up in time, and when cancelled`() async {
        let value = Watched(0)
        await #expect(throws: StandInError.self) {
            try await value.wait(for: "one", timeout: .milliseconds(20)) { $0 == 1 ? true : nil }
        }
        let task = Task { try await value.wait(for: "one") { $0 == 1 ? true : nil } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
