import Catalogue
import Coordination
import Hashing
import OCI
import TestSupport
import Testing

@testable import Pulling
@testable import Storage

@Suite struct `A quota` {
    @Test func `makes room by evicting, and says why each image went`() async throws {
        let rig = try await QuotaRig(limit: 100_000)
        for name in ["a", "b", "c"] { try rig.add(name, [(name, 40_000)]) }
        try await rig.pull("a")
        rig.wait(1000)
        try await rig.pull("b")
        for _ in 0..<5 { try await rig.pull("a") }
        rig.wait(1000)
        try await rig.pull("c")
        #expect(try await rig.names() == ["a:latest", "c:latest"])
        let decision = try #require(rig.keeper.decisions.first)
        #expect(rig.keeper.decisions.count == 1 && decision.image == "b:latest" && decision.freed > 40_000)
        #expect(decision.reason.contains("worth least"), "\(decision.reason)")
        #expect(try await rig.bytes() <= 100_000)
    }

    @Test func `refuses what cannot fit before it begins, evicts nothing for it, and names what stays`() async throws {
        let rig = try await QuotaRig(limit: 100_000)
        try rig.add("kept", [("k", 50_000)])
        try rig.add("loose", [("l", 20_000)])
        try rig.add("big", [("b", 60_000)])
        try await rig.pull("kept")
        try await rig.pull("loose")
        _ = try await rig.collector.pin("kept")
        let error = await #expect(throws: SpaceError.self) { try await rig.pull("big") }
        #expect(error?.kind == .outOfSpace)
        #expect(try #require(error).description.contains("kept:latest (pinned)"), "\(String(describing: error))")
        #expect(try await rig.names() == ["kept:latest", "loose:latest"])
        let layers = rig.registry.state.withLock { state in
            state.blobGets.filter { state.blobs[$0.key]?.count == 60_000 }
        }
        #expect(layers.isEmpty, "bytes of a layer were fetched")
    }

    @Test func `leaves what was used within keep-at-least`() async throws {
        let rig = try await QuotaRig(limit: 100_000, keepAtLeast: .seconds(3600))
        try rig.add("a", [("a", 60_000)])
        try rig.add("b", [("b", 60_000)])
        try await rig.pull("a")
        rig.wait(3599)
        await #expect(throws: SpaceError.self) { try await rig.pull("b") }
        rig.wait(1)
        try await rig.pull("b")
        #expect(try await rig.names() == ["b:latest"])
    }

    @Test func `goes down to the low watermark once something has to go`() async throws {
        let rig = try await QuotaRig(limit: 100_000, lowWatermark: 0.5)
        for name in ["a", "b", "c", "d"] { try rig.add(name, [(name, 24_000)]) }
        for name in ["a", "b", "c"] {
            try await rig.pull(name)
            rig.wait(100)
        }
        try await rig.pull("d")
        let left = try await rig.names()
        #expect(left == ["d:latest"] || left == ["c:latest", "d:latest"], "\(left)")
        #expect(try await rig.bytes() <= 50_000)
    }

    @Test func `counts what interrupted transfers hold, and drops these first`() async throws {
        let rig = try await QuotaRig(limit: 100_000)
        try rig.add("a", [("a", 40_000)])
        try rig.add("b", [("b", 40_000)])
        try await rig.pull("a")
        let orphan = HeldIngest(
            digest: .sha256(of: [1]), bytes: 30_000, total: 90_000, isActive: false,
            lastWritten: Timestamp(seconds: 0))
        rig.disk.held.withLock { $0 = [orphan] }
        try await rig.pull("b")
        #expect(rig.disk.held.withLock { $0.isEmpty })
        #expect(try await rig.names() == ["a:latest", "b:latest"])
    }

    @Test func `lets go of what failed pulls left before it evicts`() async throws {
        let rig = try await QuotaRig(limit: 400_000)
        for name in ["a", "b", "c"] { try rig.add(name, [(name, 100_000)]) }
        try await rig.pull("a")
        let bytes = [UInt8](repeating: 7, count: 150_000)
        let stray = Descriptor(mediaType: .ociLayer, digest: .sha256(of: bytes), size: 150_000)
        try await rig.store.ingest(stray) { try $0.append(bytes.span.bytes) }
        let lease = rig.collector.lease()
        try await lease.hold(stray.digest)
        try await rig.pull("b")
        #expect(try await rig.store.size(of: stray.digest) != nil)
        // What somebody counts on is nobody's to take.
        try rig.add("large", [("large", 330_000)])
        await #expect(throws: SpaceError.self) {
            for name in ["a", "b"] { _ = try await rig.collector.pin(name) }
            try await rig.pull("c")
        }
        for name in ["a", "b"] { _ = try await rig.collector.unpin(name) }
        try await lease.end()
        try await rig.pull("c")
        #expect(try await rig.store.size(of: stray.digest) == nil && rig.keeper.decisions.isEmpty)
        #expect(try await rig.names() == ["a:latest", "b:latest", "c:latest"])
    }

    /// C12: a manifest may claim that its layers have any size.
    @Test(arguments: [Int64.max, Int64.max - 1, 1 << 62])
    func `refuses a size that no disk has`(size: Int64) async throws {
        let rig = try await QuotaRig(limit: 100_000, minFree: 1_000)
        try rig.add("a", [("a", 40_000)])
        try await rig.pull("a")
        let claims = [4, 5].map { Descriptor(mediaType: .ociLayer, digest: .sha256(of: [$0]), size: size) }
        await #expect(throws: SpaceError.self) { _ = try await rig.keeper.admit(claims) }
        await #expect(throws: SpaceError.self) { _ = try await rig.keeper.admit(staging: size) }
        #expect(try await rig.names() == ["a:latest"])
    }

    @Test func `keeps so much of the disk free`() async throws {
        let rig = try await QuotaRig(limit: 0, minFree: 50_000)
        try rig.add("a", [("a", 40_000)])
        try rig.add("b", [("b", 40_000)])
        rig.disk.size.withLock { $0 = 96_000 }
        try await rig.pull("a")
        try await rig.pull("b")
        #expect(try await rig.names() == ["b:latest"])
    }

    @Test func `counts what two pulls share once, and what both bring together`() async throws {
        let rig = try await QuotaRig(limit: 100_000)
        let layer = Descriptor(mediaType: .ociLayer, digest: .sha256(of: [2]), size: 60_000)
        let other = Descriptor(mediaType: .ociLayer, digest: .sha256(of: [3]), size: 60_000)
        let first = try await rig.keeper.admit([layer])
        let second = try await rig.keeper.admit([layer])
        await #expect(throws: SpaceError.self) { _ = try await rig.keeper.admit([other]) }
        first.end()
        await #expect(throws: SpaceError.self) { _ = try await rig.keeper.admit([other]) }
        second.end()
        _ = try await rig.keeper.admit([other])
    }

    @Test func `that is lowered is kept at the next look`() async throws {
        let rig = try await QuotaRig(limit: 0)
        for name in ["a", "b", "c"] {
            try rig.add(name, [(name, 40_000)])
            try await rig.pull(name)
            rig.wait(10)
        }
        rig.keeper.quota.maxSize = 90_000
        try await rig.keeper.settle()
        #expect(try await rig.bytes() <= 90_000)
        #expect(try await rig.names().contains("c:latest"))
    }

    @Test func `tells where an image stands`() async throws {
        let rig = try await QuotaRig(limit: 0)
        try rig.add("a", [("base", 10_000), ("a", 5_000)])
        try rig.add("b", [("base", 10_000), ("b", 7_000)])
        try await rig.pull("a")
        rig.wait(7200)
        try await rig.pull("b")
        let standing = try await rig.keeper.standing(of: "a")
        #expect(standing.turn == 1 && standing.freedBefore == 0 && standing.stays == nil)
        #expect(standing.worth.frees > 5_000 && standing.worth.frees < 7_000)
        _ = try await rig.collector.pin("a")
        #expect(try await rig.keeper.standing(of: "a").stays == .pinned)
        #expect(try await rig.keeper.standing(of: "b").turn == 1)
    }
}
