import Glibc
import OCI
import TestSupport
import Testing

@Suite(.serialized) struct `A lack of descriptors` {
    @Test(.enabled(if: which("prlimit") != nil, "prlimit is not installed"))
    func `fails what needs one, and all goes on when clients leave and the limit is mended`() async throws {
        let story = try await Story.set()
        let victim = try await Victim(.plain, story.hub)
        let daemon = try #require(try await victim.start())
        #expect(try await victim.pull("one"))
        let highest = try Files.list("/proc/\(daemon.pid)/fd").compactMap { Int($0) }.max() ?? 0
        try await runChecked("prlimit", ["--pid", "\(daemon.pid)", "--nofile=\(highest + 4):20000"])
        // More than can be accepted: the others wait in the kernel's queue.
        let clients = (0..<30).map { _ in connect(to: victim.socket) }
        #expect(clients.allSatisfy { $0 >= 0 })
        try await until("it is out of descriptors") {
            try Files.list("/proc/\(daemon.pid)/fd").compactMap { Int($0) }.max() ?? 0 >= highest + 3
        }
        for client in clients { close(client) }
        let answer = try await victim.ask("GET", "/_ping")
        #expect(daemon.state.status == nil, "it ended: \(daemon.state.errorText.suffix(2000))")
        #expect(answer == "OK")
        _ = try await victim.pull("two")
        #expect(try await victim.ask("GET", "/images/one/json") != nil)
        try await runChecked("prlimit", ["--pid", "\(daemon.pid)", "--nofile=20000:20000"])
        #expect(try await victim.pull("two"))
        #expect(try victim.wrongBlobs() == [])
        #expect(try await daemon.stop() == 0)
        await story.hub.stop()
    }

    private func connect(to path: String) -> Int32 {
        let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let answer = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(client, $0, length) }
        }
        return answer == 0 ? client : -1
    }
}

@Suite(.serialized) struct `A disk that became read-only` {
    /// What the kernel does of its own accord when a disk fails: no write from then on, reads go on.
    @Test(.enabled(if: FileSystemUnderTest.mayMount, "this machine does not let us mount a loop device"))
    func `under load is served from, fails pulls, and is as it was after a mend`() async throws {
        let story = try await Story.set()
        let victim = try await Victim(.ext4, story.hub)
        let daemon = try #require(try await victim.start())
        #expect(try await victim.pull("one"))
        try await runChecked("mount", ["-o", "remount,abort", victim.fileSystem.place])
        let answer = try await victim.answer("POST", "/images/create?fromImage=two&tag=latest")
        #expect(answer.contains("read-only") || answer.contains("I/O error"), "\(answer)")
        #expect(try await victim.ask("GET", "/_ping") == "OK")
        #expect(try await victim.ask("GET", "/images/one/json") != nil)
        #expect(try await victim.save("one"))
        daemon.signal(SIGKILL)
        _ = try await daemon.exit()
        try await victim.fileSystem.comeBack()
        #expect(try await victim.findings(of: story.images) == [])
        try await victim.fileSystem.unmount()
        await story.hub.stop()
    }
}
