import Glibc
import OCI
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: geteuid() == 0, "only root may mount a file system"))
struct `A disk that others fill` {
    /// Takes the last byte of the disk; the name of the file that has it.
    private func fill(_ victim: Victim) async throws -> String {
        let path = victim.state + "/of-others"
        // Ends when there is no room for more.
        _ = try await runProcess("dd", ["if=/dev/zero", "of=\(path)", "bs=64k", "oflag=append", "conv=notrunc"])
        _ = try await runProcess("dd", ["if=/dev/zero", "of=\(path)", "bs=512", "oflag=append", "conv=notrunc"])
        return path
    }

    private func withDisk(_ size: String, _ body: (Story, Victim) async throws -> Void) async throws {
        let story = try await Story.set()
        let victim = try await Victim(.plain, story.hub)
        try Files.makeDirectory(victim.state)
        try await runChecked("mount", ["-t", "tmpfs", "-o", "size=\(size)", "tmpfs", victim.state])
        do { try await body(story, victim) } catch {
            try await runChecked("umount", ["-l", victim.state])
            throw error
        }
        try await runChecked("umount", ["-l", victim.state])
        await story.hub.stop()
    }

    /// After an orderly stop the catalogue's log has to be made anew; after a kill it has to be read.
    @Test(arguments: [SIGKILL, SIGTERM])
    func `to the last byte is started on, lists, and lets images be removed`(end: Int32) async throws {
        try await withDisk("160m") { story, victim in
            let first = try #require(try await victim.start())
            #expect(first.state.errorText.contains("should be on another file system: it is in memory"))
            #expect(try await victim.pull("one"))
            first.signal(end)
            _ = try await first.exit()
            let taken = try await fill(victim)
            let daemon = try #require(try await victim.start(), "it does not start on a full disk")
            #expect(try await victim.ask("GET", "/images/one/json") != nil)
            #expect(try await victim.ask("GET", "/system/df") != nil)
            #expect(try await victim.remove("one"), "nothing can be removed from a full disk")
            unlink(taken)
            #expect(try await victim.pull("two"), "it does not go on by itself when there is room again")
            #expect(try victim.wrongBlobs() == [])
            #expect(try await daemon.stop() == 0)
        }
    }

    @Test func `while it runs lets images be removed`() async throws {
        try await withDisk("160m") { story, victim in
            let daemon = try #require(try await victim.start())
            #expect(try await victim.pull("one"))
            let taken = try await fill(victim)
            #expect(try await victim.remove("one"), "nothing can be removed from a full disk")
            unlink(taken)
            #expect(try await victim.pull("two"))
            #expect(try await daemon.stop() == 0)
        }
    }

    @Test func `during a pull does not hurt that: its room was taken at the beginning`() async throws {
        try await withDisk("64m") { story, victim in
            let large = try ImageFactory(seed: 3).big([20_000_000])
            story.hub.content.add(large, to: "library/large")
            let layer = large.manifests[0].layers[0].digest
            let gate = Gate()
            story.hub.misbehave(on: .cdn(layer), .first, .hold(gate, after: 4_000_000))
            let daemon = try #require(try await victim.start())
            let pull = try RunningProcess(
                DaemonUnderTest.products + "/layerctl", ["-H", "unix://\(victim.socket)", "pull", "-q", "large"])
            let data = victim.state + "/ingest/sha256-\(layer.hex)/data"
            try await until("the transfer") { (Files.size(data) ?? 0) > 3_000_000 }
            // All but what the catalogue needs.
            let taken = try await fill(victim)
            truncate(taken, Int((Files.size(taken) ?? 0) - (2 << 20)))
            gate.open()
            #expect(try await pull.exit() == 0, "\(daemon.state.errorText.suffix(500))")
            unlink(taken)
            #expect(try victim.wrongBlobs() == [])
            #expect(try await daemon.stop() == 0)
        }
    }
}
