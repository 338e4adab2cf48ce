import Glibc
import TestSupport
import Testing

/// What a start has to do after an unclean stop.
enum Recovery: String, Sendable, CaseIterable {
    /// Rows and files are settled.
    case settling
    /// The catalogue is rebuilt from `index.json` and the blobs.
    case rebuilding

    func prepare(_ victim: Victim) throws {
        guard self == .rebuilding else { return }
        for name in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
            unlink(victim.state + "/" + name)
        }
    }
}

@Suite(.serialized) struct `A start that is cut short` {
    @Test(
        .enabled(if: FileSystemUnderTest.mayMount, "this machine does not let us mount a loop device"),
        arguments: [FileSystemUnderTest.Kind.ext4, .xfs], Recovery.allCases)
    func `by a power cut at any storage call, again and again, ends in the same state`(
        kind: FileSystemUnderTest.Kind, recovery: Recovery
    ) async throws {
        try await sweep(kind, recovery, .cut)
    }

    @Test(arguments: Recovery.allCases)
    func `by a kill at any storage call, again and again, ends in the same state`(
        recovery: Recovery
    ) async throws {
        try await sweep(.plain, recovery, .kill)
    }

    private func sweep(
        _ kind: FileSystemUnderTest.Kind, _ recovery: Recovery, _ action: Trap.Action
    ) async throws {
        let story = try await Story.set()
        let victim = try await Victim(kind, story.hub)
        try victim.begin()
        let first = try #require(try await victim.start())
        try await story.tell(victim)
        first.signal(SIGKILL)
        _ = try await first.exit()
        let length = try await measure(victim, recovery)
        try #require(length > 5)
        for place in places(min(length, cuts), upTo: length) {
            try recovery.prepare(victim)
            sync()
            if let daemon = try await victim.start(Trap(action: action, at: place)) {
                daemon.signal(SIGKILL)
                _ = try await daemon.exit()
            }
            try await victim.fileSystem.comeBack()
            let second = try #require(try await victim.start(), "cut at call \(place): it does not start any more")
            #expect(try await victim.compare(story.images) == [], "cut at call \(place) of \(length)")
            second.signal(SIGKILL)
            _ = try await second.exit()
        }
        #expect(try await victim.findings(of: story.images) == [])
        print("\(kind.rawValue): \(min(length, cuts)) starts cut short (\(recovery)) over \(length) storage calls")
        try await victim.fileSystem.unmount()
        await story.hub.stop()
    }

    /// How many storage calls a start makes until it is ready.
    private func measure(_ victim: Victim, _ recovery: Recovery) async throws -> Int {
        try recovery.prepare(victim)
        let daemon = try #require(try await victim.start(Trap()))
        daemon.signal(SIGKILL)
        _ = try await daemon.exit()
        return try victim.shim.count
    }
}
