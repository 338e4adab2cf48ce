import Foundation
import OCI
import Pulling
import TestSupport
import Testing

/// A day of whatever people and engines do, a minute a step, on a disk, with a quota that holds a third of what they
/// ask for: pulls, pulls that break, the mirror, loads, readers, pins, removals and prunes.
///
/// `LAYERD_QUOTA_DAY` sets the quota in bytes, and then all 1440 minutes are lived through: `make quota-day`.
@Suite struct `A day on a disk` {
    private static let given = ProcessInfo.processInfo.environment["LAYERD_QUOTA_DAY"].flatMap(Int64.init)
    private static let limit = given ?? 4_000_000
    private static let minutes = given == nil ? 80 : 24 * 60

    @Test func `never passes its quota, evicts nothing that is held, and is of one mind with its ledger`() async throws
    {
        var day = try await Day(seed: 20, limit: Self.limit, unit: Self.limit / (Self.given == nil ? 1_000 : 2_000))
        for minute in 0..<Self.minutes {
            day.rig.wait(60)
            try await day.step()
            try await day.check(minute)
        }
        let evicted = day.count.evicted
        print(
            "\(Self.minutes) minutes: at most \(day.rig.most.bytes) bytes, \(day.rig.most.blocks) in blocks, of",
            "\(Self.limit); \(day.count), \(day.rig.registry.served >> 20) MiB came")
        #expect(day.rig.most.bytes > Self.limit / 2 && evicted > Self.minutes / 20)
        try await day.rig.end()
    }

    @Test func `refuses an archive that cannot have its room before it is staged, and evicts nothing for it`()
        async throws
    {
        let rig = try await DayRig(limit: 4_000_000, keepAtLeast: .seconds(3600))
        try rig.registry.set("kept", [(1, 2_000_000)])
        try rig.registry.set("brought", [(2, 1_000_000), (3, 1_500_000)])
        try await rig.pull("kept")
        let refused = await #expect(throws: SpaceError.self) { try await rig.load("brought") }
        #expect(try #require(refused).description.contains("kept:latest"), "\(String(describing: refused))")
        #expect(try await rig.names() == ["kept:latest"])
        #expect(rig.most.bytes < 4_000_000 && rig.most.bytes > 2_900_000, "\(rig.most)")
        #expect(try Files.list(rig.directory.path("state/ingest")).isEmpty)
        rig.wait(3600)
        try await rig.load("brought")
        #expect(try await rig.names() == ["brought:latest"])
        #expect(rig.most.bytes < 4_000_000)
        try await rig.end()
    }
}
