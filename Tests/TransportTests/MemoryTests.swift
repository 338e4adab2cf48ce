import Glibc
import TestSupport
import Testing
import Transport

@Suite struct `A long transfer` {
    /// In a process of its own, whose memory is this transfer's.
    @Test(.timeLimit(.minutes(2))) func `does not grow the process`() async throws {
        await #expect(processExitsWith: .success) {
            let mebibyte = [UInt8](repeating: 0x5a, count: 1 << 20)
            let server = try ScriptedServer { request in
                let count = request.target == "/long" ? 256 : 8
                return [
                    .text("HTTP/1.1 200 OK\r\nContent-Length: \(count << 20)\r\n\r\n"), .flood(mebibyte, times: count),
                ]
            }
            let client = CurlClient(userAgent: "layerd-test/1")
            _ = try await client.perform(direct(server.url("/short")), into: CountingSink())
            let before = residentBytes()
            let sink = CountingSink()
            _ = try await client.perform(direct(server.url("/long")), into: sink)
            let growth = residentBytes() - before
            #expect(sink.count.value == 256 << 20)
            #expect(growth < 16 << 20, "256 MiB streamed grew the process by \(growth) bytes")
            await client.shutdown()
            try await server.stop()
        }
    }
}

/// The most this process ever held, so that a peak between two looks counts too.
private func residentBytes() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss << 10
}
