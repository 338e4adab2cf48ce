import Glibc
import OCI
import TestSupport
import Testing

/// What is wrong with a disk, at one kind of call.
struct DiskFault: Sendable, CustomTestStringConvertible {
    let code: Int32
    let call: String
    /// What the client reads when the pull fails of it.
    let sentence: String
    var part = ""

    var testDescription: String { "\(call)\(part) fails with \(code)" }

    static let full = ["fallocate", "pwrite", "fdatasync", "fsync", "rename", "mkdir", "ftruncate", "fchmod"].map {
        DiskFault(code: ENOSPC, call: $0, sentence: "no space left on device")
    }
    static let quota = ["fallocate", "pwrite", "fdatasync"].map {
        DiskFault(code: EDQUOT, call: $0, sentence: "quota", part: "/ingest/")
    }
    static let readOnly = ["mkdir", "rename"].map { DiskFault(code: EROFS, call: $0, sentence: "read-only") }
    static let broken = ["pwrite", "fdatasync", "fsync"].map {
        DiskFault(code: EIO, call: $0, sentence: "I/O error", part: $0 == "fsync" ? "/blobs/" : "/ingest/")
    }
}

@Suite(.serialized) struct `A disk that refuses` {
    /// Whatever call of a pull the disk begins to refuse at: the pull fails with one clear sentence, everybody else is
    /// answered, and the same pull goes well once the disk does.
    @Test(arguments: [DiskFault.full, DiskFault.quota, DiskFault.readOnly, DiskFault.broken])
    func `at any call of a pull fails that with one sentence, and nothing else`(faults: [DiskFault]) async throws {
        let story = try await Story.set()
        let victim = try await Victim(.plain, story.hub)
        let daemon = try #require(try await victim.start(Trap()))
        #expect(try await victim.pull("two"))
        var failures = 0
        for fault in faults {
            // A pull that nothing stops tells how many such calls there are.
            try victim.shim.set(Trap(only: fault.call, part: fault.part))
            #expect(try await victim.pull("one"))
            let length = try victim.shim.count
            #expect(try await victim.remove("one"))
            for place in places(min(length, max(2, cuts / 3)), upTo: length) {
                failures += try await fail(fault, at: place, victim)
            }
        }
        #expect(failures >= faults.count / 2, "hardly anything failed")
        #expect(try victim.wrongBlobs() == [])
        #expect(try Files.list(victim.state + "/ingest") == [])
        #expect(try await daemon.stop() == 0)
        print("\(failures) pulls failed of error \(faults[0].code)")
        await story.hub.stop()
    }

    private func fail(_ fault: DiskFault, at place: Int, _ victim: Victim) async throws -> Int {
        try victim.shim.set(
            Trap(action: .fail(fault.code), at: place, span: 1_000_000, only: fault.call, part: fault.part))
        let answer = try await victim.answer("POST", "/images/create?fromImage=one&tag=latest")
        let context = "\(fault.testDescription) at \(place)"
        let isFailed = !answer.contains("Status: ")
        // Of a sync of its own SQLite says no more than that it failed.
        let isTold = answer.contains(fault.sentence) || fault.call.hasSuffix("sync") && answer.contains("I/O error")
        #expect(!isFailed || isTold, "\(context): \(answer)")
        #expect(try await victim.ask("GET", "/_ping") == "OK")
        #expect(try await victim.ask("GET", "/images/two/json") != nil, "\(context): others are not served")
        #expect(try victim.wrongBlobs() == [])
        try victim.shim.set(Trap())
        #expect(try await victim.pull("one"), "\(context): not even afterwards")
        #expect(try await victim.remove("one"))
        return isFailed ? 1 : 0
    }

    /// The kernel tells once that it has lost bytes, and says that all is well when it is asked again.
    @Test func `a sync once has lost the bytes: they are fetched again`() async throws {
        try await withLarge { large, story, victim in
            let layer = large.manifests[0].layers[0].digest
            try victim.shim.set(Trap(action: .fail(EIO), only: "fdatasync", part: layer.hex))
            #expect(try await victim.pull("large") == false)
            #expect(try Files.list(victim.state + "/ingest").filter { $0.contains(layer.hex) } == [])
            try victim.shim.set(Trap())
            story.hub.log.clear()
            #expect(try await victim.pull("large"))
            #expect(story.hub.log.bytesSent(.cdn) >= large.manifests[0].layers[0].descriptor.size)
        }
    }

    @Test(arguments: [Trap.Action.short, .fail(EINTR)])
    func `to write everything at once, or is interrupted, gets the rest`(action: Trap.Action) async throws {
        try await withLarge { _, _, victim in
            // What SQLite makes of it is SQLite's.
            try victim.shim.set(
                Trap(action: action, span: action == .short ? 1_000_000 : 5, only: "pwrite", part: "/ingest/"))
            #expect(try await victim.pull("large"))
            #expect(try victim.shim.count > 1)
        }
    }

    @Test func `and says that it did not is found out before the blob has a name`() async throws {
        try await withLarge { large, _, victim in
            let layer = large.manifests[0].layers[0].digest
            try victim.shim.set(Trap(action: .lie, span: 1_000_000, only: "pwrite", part: layer.hex + "/data"))
            #expect(try await victim.pull("large") == false)
            #expect(Files.size(victim.state + "/store/blobs/sha256/\(layer.hex)") == nil)
            try victim.shim.set(Trap())
            #expect(try await victim.pull("large"))
        }
    }

    @Test func `to be read ends what is served, and the next pull brings the blob again`() async throws {
        try await withLarge { large, story, victim in
            #expect(try await victim.pull("large"))
            let layer = large.manifests[0].layers[0].digest
            try victim.shim.set(Trap(action: .fail(EIO), span: 1_000_000, only: "pread", part: "/sha256/\(layer.hex)"))
            #expect(try await victim.save("large") == false, "an archive was completed without all its bytes")
            try victim.shim.set(Trap())
            #expect(try await victim.ask("GET", "/_ping") == "OK")
            #expect(try await victim.pull("large"))
            #expect(try await victim.save("large"))
        }
    }

    /// A daemon that has nothing yet, and an image with a layer of some megabytes to pull.
    private func withLarge(_ body: (GeneratedImage, Story, Victim) async throws -> Void) async throws {
        let story = try await Story.set()
        let large = try ImageFactory(seed: 3).big([2_000_000])
        story.hub.content.add(large, to: "library/large")
        let victim = try await Victim(.plain, story.hub)
        let daemon = try #require(try await victim.start(Trap()))
        try await body(large, story, victim)
        #expect(try victim.wrongBlobs() == [])
        #expect(try await daemon.stop() == 0)
        await story.hub.stop()
    }
}

@Suite(.serialized) struct `A disk that stands still` {
    @Test func `in one sync holds up what waits for it, and no other pull`() async throws {
        try await hold(Trap(action: .hold, span: 1_000_000, only: "fdatasync"), onLayer: true) { victim in
            let isDone = try await victim.pull("one")
            #expect(isDone)
        }
    }

    @Test func `under the catalogue holds up no answer that only reads`() async throws {
        try await hold(
            Trap(action: .hold, span: 1_000_000, only: "pwrite64", part: "catalog.sqlite-wal"), onLayer: false
        ) { victim in
            for (path, answer) in [("/_ping", "OK"), ("/images/json", "[]\n")] {
                let said = try await victim.ask("GET", path)
                #expect(said == answer)
            }
        }
    }

    /// Pulls an image with a trap that holds it, does `body` while it is held, and lets it go.
    private func hold(_ trap: Trap, onLayer: Bool, _ body: (Victim) async throws -> Void) async throws {
        let story = try await Story.set()
        let large = try ImageFactory(seed: 3).big([2_000_000])
        story.hub.content.add(large, to: "library/large")
        let victim = try await Victim(.plain, story.hub)
        let daemon = try #require(try await victim.start(Trap()))
        var trap = trap
        if onLayer { trap.part = large.manifests[0].layers[0].digest.hex }
        try victim.shim.set(trap)
        let pull = try RunningProcess(
            DaemonUnderTest.products + "/layerctl", ["-H", "unix://\(victim.socket)", "pull", "-q", "large"])
        try await until("a call is held") { try victim.shim.count > 0 }
        do { try await body(victim) } catch { Issue.record("\(error): \(daemon.state.errorText.suffix(2000))") }
        #expect(pull.state.status == nil, "it has not waited for the disk")
        try victim.shim.set(Trap())
        #expect(try await pull.exit() == 0)
        #expect(try victim.wrongBlobs() == [])
        #expect(try await daemon.stop() == 0)
        await story.hub.stop()
    }
}
