import Coordination
import Glibc
import OCI
import TestSupport
import Testing

@Suite(.serialized) struct `A disk without room` {
    @Test(.enabled(if: geteuid() == 0, "only root may mount a file system"))
    func `refuses a pull before its first byte, and the rest goes on`() async throws {
        let story = try await Story.set()
        let large = try ImageFactory(seed: 3).big([30_000_000])
        story.hub.content.add(large, to: "library/large")
        let victim = try await Victim(.plain, story.hub)
        try Files.makeDirectory(victim.state)
        try await runChecked("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", victim.state])
        let daemon = try #require(try await victim.start())
        let refusal = try await runProcess(
            DaemonUnderTest.products + "/layerctl", ["-H", "unix://\(victim.socket)", "pull", "large"])
        #expect(refusal.status == 1)
        #expect(refusal.errors.contains("needs 30") && refusal.errors.contains("free 1"), "\(refusal.errors)")
        let layer = large.manifests[0].layers[0].digest
        #expect(story.hub.log.records.count { $0.path.contains(layer.hex) } == 0)
        #expect(try await victim.pull("one"))
        #expect(try victim.wrongBlobs() == [])
        #expect(try await daemon.stop() == 0)
        try await runChecked("umount", [victim.state])
        await story.hub.stop()
    }

    /// A limit on the length of files is an error of the write; its signal must not end the daemon.
    @Test(.enabled(if: which("prlimit") != nil, "prlimit is not installed"))
    func `that a limit on files makes is an error, and no death`() async throws {
        let story = try await Story.set()
        let large = try ImageFactory(seed: 3).big([3_000_000])
        story.hub.content.add(large, to: "library/large")
        let victim = try await Victim(.plain, story.hub)
        let daemon = try #require(try await victim.start())
        #expect(try await victim.pull("large"))
        #expect(try await victim.save("large"))
        #expect(try await victim.remove("large"))
        try await runChecked("prlimit", ["--pid", "\(daemon.pid)", "--fsize=2000000:2000000"])
        #expect(try await victim.pull("large") == false)
        // What comes in here is written by other threads.
        let answer = try await victim.answerToLoad("large")
        let told = answer.contains("cannot write") && answer.contains("than the file system or a limit allows")
        #expect(told, "\(answer)")
        #expect(try await victim.ask("GET", "/_ping") == "OK")
        #expect(try await victim.pull("one"))
        #expect(try await daemon.stop() == 0)
        await story.hub.stop()
    }
}
