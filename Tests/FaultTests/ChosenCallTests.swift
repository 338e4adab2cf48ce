import OCI
import TestSupport
import Testing

/// Calls at which a kill is most likely to find something half done.
enum ChosenCall: String, Sendable, CaseIterable {
    case beforeDirectory, beforeName, afterName, beforeRemoval, afterRemoval, beforeSync, afterSync

    var trap: Trap {
        switch self {
        case .beforeDirectory: Trap(action: .kill, only: "mkdir")
        case .beforeName: Trap(action: .kill, only: "rename")
        case .afterName: Trap(action: .killAfter, only: "rename")
        case .beforeRemoval: Trap(action: .kill, only: "unlink")
        case .afterRemoval: Trap(action: .killAfter, only: "unlink")
        case .beforeSync: Trap(action: .kill, only: "fsync")
        case .afterSync: Trap(action: .killAfter, only: "fsync")
        }
    }
}

@Suite(.serialized) struct `A kill at a chosen call` {
    @Test(arguments: ChosenCall.allCases)
    func `loses nothing that was acknowledged, and shows nothing wrong`(call: ChosenCall) async throws {
        let story = try await Story.set()
        let victim = try await Victim(.plain, story.hub)
        var trap = call.trap
        let length = try await story.length(victim, Trap(only: trap.only))
        let count = min(length, max(2, cuts / 4))
        for place in places(count, upTo: length) {
            trap.at = place
            let findings = try await story.run(victim, trap)
            #expect(findings == [], "killed \(call), \(place) of \(length)")
        }
        print("\(count) kills \(call.rawValue), of \(length)")
        await story.hub.stop()
    }

    /// The blob has its name, and nothing else knows of it yet.
    @Test func `between a blob's name and its record leaves it to the next pull, which does not fetch it again`()
        async throws
    {
        try await afterKill(Trap(action: .killAfter, only: "rename", part: "/blobs/sha256/")) { large, story, victim in
            let layer = large.manifests[0].layers[0].digest
            #expect(Files.size(victim.state + "/store/blobs/sha256/\(layer.hex)") != nil)
            #expect(story.hub.log.records.count { $0.path.contains(layer.hex) } == 0, "it was fetched twice")
        }
    }

    /// All bytes are here, and the blob is not visible.
    @Test func `between the bytes and the name leaves them to the next pull, which does not fetch them again`()
        async throws
    {
        try await afterKill(Trap(action: .kill, only: "rename", part: "/blobs/sha256/")) { large, story, _ in
            let layer = large.manifests[0].layers[0].digest
            #expect(story.hub.log.records.count { $0.path.contains(layer.hex) } == 0, "it was fetched twice")
        }
    }

    @Test func `before the first byte leaves nothing in ingest`() async throws {
        try await afterKill(Trap(action: .kill, only: "fallocate"), checkFirst: true) { _, _, victim in
            let left = try Files.list(victim.state + "/ingest")
            #expect(left == [])
        }
    }

    /// Pulls an image until the daemon is killed at a call about its layer, starts it again, and pulls once more.
    /// - Parameter check: comes before the second pull, or after it with the stand-in's log of that.
    private func afterKill(
        _ trap: Trap, checkFirst: Bool = false, _ check: (GeneratedImage, Story, Victim) throws -> Void
    ) async throws {
        let story = try await Story.set()
        let large = try ImageFactory(seed: 3).big([2_000_000])
        story.hub.content.add(large, to: "library/large")
        let victim = try await Victim(.plain, story.hub)
        try victim.begin()
        var trap = trap
        trap.part += large.manifests[0].layers[0].digest.hex
        let first = try #require(try await victim.start(trap))
        #expect(try await victim.pull("large") == false)
        _ = try await first.exit()
        let second = try #require(try await victim.start())
        story.hub.log.clear()
        if checkFirst { try check(large, story, victim) }
        #expect(try await victim.pull("large"))
        if !checkFirst { try check(large, story, victim) }
        #expect(try victim.wrongBlobs() == [])
        #expect(try await second.stop() == 0)
        await story.hub.stop()
    }
}
