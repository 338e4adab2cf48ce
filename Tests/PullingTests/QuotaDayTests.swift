import Catalogue
import OCI
import TestSupport
import Testing

@testable import Pulling

/// A day of whatever people do, a minute a step, against a quota that holds a third of what they ask for.
@Suite struct `A simulated day` {
    private static let limit: Int64 = 2_000_000

    @Test(arguments: [UInt64(11), 12])
    func `never passes the limit, evicts nothing that is held, and keeps ledger and store of one mind`(
        seed: UInt64
    ) async throws {
        var day = try await Day(seed: seed, limit: Self.limit)
        for minute in 0..<(24 * 60) {
            day.rig.wait(60)
            try await day.step()
            let bytes = try await day.rig.bytes()
            #expect(bytes <= Self.limit, "minute \(minute): \(bytes) bytes")
            #expect(try await day.rig.catalogue.totals().layersSize == bytes, "minute \(minute)")
            let here = try await day.rig.names()
            #expect(day.pinned.isSubset(of: here), "minute \(minute): \(day.pinned.subtracting(here)) went")
            #expect(day.reading.allSatisfy { here.contains($0.key) }, "minute \(minute)")
            day.most = max(day.most, bytes)
        }
        let evicted = day.rig.keeper.decisions.count
        print(
            "seed \(seed): at most \(day.most) of \(Self.limit) bytes, \(day.pulls) pulls, \(day.refused) refused,",
            "at least \(evicted) evicted")
        #expect(evicted > 50 && day.pulls > 300)
    }
}

private struct Day {
    let rig: QuotaRig
    var random: SplitMix
    var pinned = Set<String>()
    var reading: [String: ImageReading] = [:]
    var pulls = 0, refused = 0
    var most: Int64 = 0
    private static let images = 70

    init(seed: UInt64, limit: Int64) async throws {
        rig = try await QuotaRig(limit: limit, keepAtLeast: .seconds(600), lowWatermark: 0.9)
        random = SplitMix(state: seed)
        for number in 0..<Self.images {
            let own = (0..<1 + Int(random.next() % 3)).map { layer in
                (word: "image\(number) layer\(layer)", size: 1_000 + Int(random.next() % 60_000))
            }
            let base = Int(random.next() % 8)
            try rig.add("image\(number)", [(word: "base\(base)", size: 20_000 + base * 10_000)] + own)
        }
    }

    mutating func step() async throws {
        let name = "image\(min(random.next() % UInt64(Self.images), random.next() % UInt64(Self.images))):latest"
        switch random.next() % 20 {
        case 0..<10: try await pull([name])
        case 10: try await pull([name, "image\(random.next() % UInt64(Self.images)):latest"])
        case 11, 12: try await use(name)
        case 13: try await read(name)
        case 14: reading.removeValue(forKey: reading.keys.sorted().first ?? "")
        case 15 where pinned.count < 4: try await pin(name)
        case 16: try await unpin()
        case 17: try await remove(name)
        default: try await rig.keeper.settle()
        }
    }

    private mutating func pull(_ names: [String]) async throws {
        let failed = try await withThrowingTaskGroup(of: Bool.self) { [rig] group in
            for name in names {
                group.addTask {
                    do { try await rig.pull(name) } catch is SpaceError { return true }
                    return false
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        pulls += names.count
        refused += failed
    }

    private func here(_ name: String) async throws -> ImageSummary? {
        try await rig.catalogue.image(named: try Reference(parsing: name))
    }

    private func use(_ name: String) async throws {
        if let image = try await here(name) { rig.catalogue.touch(image.id) }
    }

    private mutating func read(_ name: String) async throws {
        guard reading.count < 3, let image = try await here(name) else { return }
        reading[name] = rig.catalogue.reading(image.id)
    }

    private mutating func pin(_ name: String) async throws {
        guard try await here(name) != nil else { return }
        _ = try await rig.collector.pin(name)
        pinned.insert(name)
    }

    private mutating func unpin() async throws {
        guard let name = pinned.sorted().first else { return }
        _ = try await rig.collector.unpin(name)
        pinned.remove(name)
    }

    /// A prune of one.
    private func remove(_ name: String) async throws {
        guard let image = try await here(name) else { return }
        _ = try await rig.collector.remove(images: [image.id], sparing: .held)
    }
}
