import Coordination
import FoundationEssentials
import Glibc
import OCI
import TestSupport
import Testing

/// One run of requests that a machine may die in: first start, two pulls that share a layer, a tag, a save, a removal,
/// a load of what was saved, another removal, a prune.
struct Story: Sendable {
    let hub: HubStandIn
    let images: [String: GeneratedImage]

    static func set() async throws -> Story {
        var options = HubOptions()
        options.names = HubNames(
            registry: "registry-1.hub.localhost", auth: "auth.hub.localhost", cdn: "cdn.hub.localhost")
        options.tls = false
        let hub = try await HubStandIn.start(options)
        let factory = ImageFactory(seed: 11)
        let base = try factory.baseShared(.host)
        let (one, two) = (try factory.application("one", on: base), try factory.application("two", on: base))
        hub.content.add(one, to: "library/one")
        hub.content.add(two, to: "library/two")
        return Story(hub: hub, images: ["one": one, "two": two])
    }

    /// As far as it comes.
    func tell(_ victim: Victim) async throws {
        guard try await victim.pull("one"), try await victim.tag("one", as: "three"), try await victim.pull("two"),
            try await victim.save("two"), try await victim.remove("two"), try await victim.load("two"),
            try await victim.remove("one")
        else { return }
        _ = try await victim.ask("POST", "/images/prune")
    }

    /// How many storage calls the whole of it makes, of those that the trap counts.
    func length(_ victim: Victim, _ trap: Trap = Trap()) async throws -> Int {
        try victim.begin()
        let daemon = try #require(try await victim.start(trap))
        try await tell(victim)
        #expect(victim.journal.withLock { $0.acknowledged } == 6, "\(daemon.state.errorText)")
        #expect(try await daemon.stop() == 0)
        return try victim.shim.count
    }

    /// The story with a trap, then what does not hold.
    func run(_ victim: Victim, _ trap: Trap, syncs: Bool = true) async throws -> [String] {
        try victim.begin()
        if let daemon = try await victim.start(trap, syncs: syncs) {
            try await tell(victim)
            daemon.signal(SIGKILL)
            _ = try await daemon.exit()
        }
        try await victim.fileSystem.comeBack()
        return try await victim.findings(of: images)
    }
}

/// How many cuts a sweep makes; `LAYERD_CUTS` for more.
let cuts = ProcessInfo.processInfo.environment["LAYERD_CUTS"].flatMap { Int($0) } ?? 8

/// Numbers of calls, spread evenly over the story.
func places(_ count: Int, upTo length: Int) -> [Int] {
    (0..<count).map { 1 + $0 * (length - 1) / max(1, count - 1) }
}

@Suite(.serialized) struct `A power cut` {
    @Test(
        .enabled(if: FileSystemUnderTest.mayMount, "this machine does not let us mount a loop device"),
        arguments: [FileSystemUnderTest.Kind.ext4, .xfs])
    func `at any storage call loses nothing that was acknowledged, and shows nothing wrong`(
        kind: FileSystemUnderTest.Kind
    ) async throws {
        let story = try await Story.set()
        let victim = try await Victim(kind, story.hub)
        let length = try await story.length(victim)
        for place in places(cuts, upTo: length) {
            let findings = try await story.run(victim, Trap(action: .cut, at: place))
            #expect(findings == [], "\(kind), cut at call \(place) of \(length)")
        }
        print("\(kind.rawValue): \(cuts) power cuts over \(length) storage calls")
        try await victim.fileSystem.unmount()
        await story.hub.stop()
    }

    @Test(
        .enabled(if: FileSystemUnderTest.mayMount, "this machine does not let us mount a loop device"),
        arguments: [FileSystemUnderTest.Kind.ext4, .xfs])
    func `is what these tests would notice: without the syncs something is lost`(
        kind: FileSystemUnderTest.Kind
    ) async throws {
        let story = try await Story.set()
        let victim = try await Victim(kind, story.hub)
        let length = try await story.length(victim)
        var findings: [String] = []
        for place in places(24, upTo: length).reversed() where findings.isEmpty {
            findings = try await story.run(
                victim, Trap(action: .cut, at: place), syncs: false)
        }
        #expect(findings != [])
        try await victim.fileSystem.unmount()
        await story.hub.stop()
    }
}

@Suite(.serialized) struct `A kill` {
    @Test func `at any storage call loses nothing that was acknowledged, and shows nothing wrong`() async throws {
        let story = try await Story.set()
        let victim = try await Victim(.plain, story.hub)
        let length = try await story.length(victim)
        for place in places(cuts, upTo: length) {
            let findings = try await story.run(victim, Trap(action: .kill, at: place))
            #expect(findings == [], "killed at call \(place) of \(length)")
        }
        print("\(cuts) kills over \(length) storage calls")
        await story.hub.stop()
    }
}

@Suite(.serialized) struct `A call that fails` {
    /// One call fails, or all from there on until the daemon is stopped, as on a full or dying disk, or as a security
    /// module has it.
    @Test(arguments: [
        (EIO, 1), (EIO, 1_000_000), (ENOSPC, 1_000_000), (EDQUOT, 1_000_000), (EROFS, 1_000_000), (EACCES, 1),
        (EACCES, 1_000_000),
    ])
    func `fails what needs it, loses nothing, and all goes well once it is mended`(
        code: Int32, span: Int
    ) async throws {
        let story = try await Story.set()
        let victim = try await Victim(.plain, story.hub)
        let length = try await story.length(victim)
        for place in places(max(3, cuts / 3), upTo: length) {
            let findings = try await story.run(
                victim, Trap(action: .fail(code), at: place, span: span))
            #expect(findings == [], "error \(code) at call \(place) of \(length)")
        }
        await story.hub.stop()
    }
}
