import Glibc
import OCI
import TestSupport
import Testing
import Transport

@Suite struct `A client's life` {
    /// In a process of its own, where every thread and descriptor counts.
    @Test(.timeLimit(.minutes(2))) func `leaves no thread and no descriptor behind`() async throws {
        await #expect(processExitsWith: .success) {
            let server = try ScriptedServer(ScriptedReply(body: [UInt8](repeating: 3, count: 100_000)))
            let url = server.url()
            // The runtime has a descriptor for each clock from the first time that it is waited for, and a short wait
            // may be over before it comes to that.
            try await Task.sleep(for: .milliseconds(100), clock: .continuous)
            try await Task.sleep(for: .milliseconds(100), clock: .suspending)
            var before = (threads: 0, descriptors: 0)
            for round in 0..<40 {
                if round == 5 { before = try await census(server) }
                let client = CurlClient(userAgent: "layerd-test/1")
                for _ in 0..<3 { _ = try await client.collect(direct(url), limit: 200_000) }
                _ = await transportError { _ = try await client.collect(direct("http://127.0.0.1:1/"), limit: 1) }
                let cut = Task { try await client.collect(direct(url), limit: 200_000) }  // awaited below
                cut.cancel()
                _ = await cut.result
                await client.shutdown()
            }
            let after = try await census(server)
            #expect(after == before)
            try await server.stop()
        }
    }

    @Test(.timeLimit(.minutes(1))) func `ends with its last reference`() async throws {
        let reply = ScriptedReply(body: [1])
        let server = try ScriptedServer(reply)
        let url = server.url()
        for _ in 0..<40 {
            let client = CurlClient(userAgent: "layerd-test/1")
            _ = try await client.collect(direct(url), limit: 1)
        }
        // Released clients close their connections: the server sees each of them leave.
        try await server.allLeft()
        try await server.stop()
    }

    @Test(.timeLimit(.minutes(1))) func `ended by shutdown fails what is running and what comes later`() async throws {
        let checkpoint = Checkpoint()
        let server = try ScriptedServer { _ in [.stop(checkpoint)] }
        let client = CurlClient(userAgent: "layerd-test/1")
        let request = direct(server.url())
        let running = Task { try await client.collect(request, limit: 1) }  // awaited below
        try await checkpoint.reached()
        await client.shutdown()
        await #expect(throws: TransportError.shutDown) { try await running.value }
        await #expect(throws: TransportError.shutDown) { try await client.collect(request, limit: 1) }
        await client.shutdown()
        try await server.stop()
    }

    @Test(.timeLimit(.minutes(1))) func `may end while many ask`() async throws {
        let reply = ScriptedReply(body: [UInt8](repeating: 3, count: 10_000))
        let server = try ScriptedServer(reply)
        let url = server.url()
        for _ in 0..<10 {
            let client = CurlClient(userAgent: "layerd-test/1")
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        let error = await transportError { _ = try await client.collect(direct(url), limit: 10_000) }
                        #expect(error == nil || error == .shutDown)
                    }
                }
                group.addTask { await client.shutdown() }
            }
        }
        try await server.stop()
    }
}

private func entries(_ path: String) throws -> [String] {
    guard let directory = opendir(path) else { throw StandInError.file("list", path: path, errno: errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if !name.hasPrefix(".") { names.append(name) }
    }
    return names
}

/// Threads and descriptors of this process, once the server's connections are gone. A thread that has ended is listed
/// for a moment longer, so the count is taken when it has been the same for a while.
private func census(_ server: ScriptedServer) async throws -> (threads: Int, descriptors: Int) {
    try await server.allLeft()
    var threads = try entries("/proc/self/task").count
    var calm = 0
    while calm < 200 {
        sched_yield()
        let now = try entries("/proc/self/task").count
        calm = now == threads ? calm + 1 : 0
        threads = now
    }
    return (threads, try entries("/proc/self/fd").count)
}
