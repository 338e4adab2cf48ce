import Catalogue
import OCI
import TestSupport
import Testing

@testable import Pulling

@Suite struct `An eviction plan` {
    private let now = Timestamp(seconds: 1_000_000)

    private func plan(_ sharing: Sharing, freeing wanted: Int64, held: Set<Int> = []) -> EvictionPlan {
        let held = Set(held.map { sharing.blobs[$0].digest })
        return EvictionPlan(
            sharing, wanted: wanted, keepAtLeast: .seconds(3600), now: now, isHeld: { held.contains($0) })
    }

    @Test func `takes what is worth least, and no more than is wanted`() {
        let sharing = Sharing.of([
            .init("often", [0], uses: 90), .init("seldom", [1], uses: 1), .init("never", [2], uses: 0),
        ])
        #expect(plan(sharing, freeing: 1).victims.map(\.name) == ["never"])
        #expect(plan(sharing, freeing: 11_000_000).victims.map(\.name) == ["never", "seldom"])
        #expect(plan(sharing, freeing: 11_000_000).frees == 20_000_000)
    }

    @Test func `prefers the one that was not used for longer`() {
        let sharing = Sharing.of([.init("old", [0], idle: 500_000), .init("new", [1], idle: 50_000)])
        #expect(plan(sharing, freeing: 1).victims.map(\.name) == ["old"])
    }

    @Test func `leaves what is pinned, in use or young, and says so`() {
        let sharing = Sharing.of([
            .init("pinned", [0], pins: 1), .init("read", [1], holders: 1), .init("young", [2], idle: 60),
        ])
        let plan = plan(sharing, freeing: .max)
        #expect(plan.victims.isEmpty && plan.frees == 0)
        #expect(
            plan.staying.map { "\($0.image.tags[0].repository.path.dropFirst(8)) \($0.why.rawValue)" }.sorted()
                == ["pinned pinned", "read in use", "young younger than keep-at-least"])
    }

    @Test func `counts only bytes that nothing else uses, and sees what comes free together`() {
        let sharing = Sharing.of([
            .init("a", [0, 1]), .init("b", [0, 2], idle: 500_000), .init("c", [0, 3], pins: 1),
        ])
        let two = plan(sharing, freeing: 15_000_000)
        #expect(two.victims.map(\.name) == ["b", "a"])
        #expect(two.frees == 20_000_000, "the layer of c stays")
        let alone = Sharing.of([.init("a", [0]), .init("b", [0])])
        #expect(plan(alone, freeing: 1).frees == 10_000_000)
        #expect(plan(alone, freeing: 1).victims.count == 2)
    }

    @Test func `does not count on blobs that somebody holds`() {
        let sharing = Sharing.of([.init("a", [0, 1])])
        #expect(plan(sharing, freeing: .max, held: [0]).frees == 10_000_000)
    }

    /// The order is that of looking at all that are left, again after each: which costs the square of their number.
    @Test(arguments: [UInt64](0..<40))
    func `takes always what is worth least of all that is left`(seed: UInt64) {
        var random = SplitMix(state: seed)
        let images = (0..<Int.random(in: 1...40, using: &random)).map { number in
            SharedImage(
                "image\(number)", Array(Set((0..<6).map { _ in Int.random(in: 0..<50, using: &random) })).sorted(),
                uses: Int64.random(in: 0..<9, using: &random), idle: Int64.random(in: 4_000..<500_000, using: &random),
                pins: Int.random(in: 0..<9, using: &random) / 8)
        }
        let sharing = Sharing.of(images)
        let held: Set = [Int.random(in: 0..<sharing.blobs.count, using: &random)]
        var users = [Int](repeating: 0, count: sharing.blobs.count)
        for blob in held { users[blob] += 1 }
        for image in sharing.images { for blob in image.blobs { users[blob] += 1 } }
        var left = sharing.images.filter { $0.summary.pins == 0 }
        let plan = plan(sharing, freeing: .max, held: held)
        #expect(plan.victims.count == left.count)
        for victim in plan.victims {
            let worths = left.map { image in
                ImageWorth(
                    image.summary, frees: image.blobs.reduce(0) { $0 + (users[$1] == 1 ? sharing.blobs[$1].size : 0) },
                    now: now)
            }
            guard let place = left.firstIndex(where: { $0.summary.id == victim.image.id }) else {
                Issue.record("\(victim.name) goes twice")
                return
            }
            #expect(victim.worth == worths[place])
            #expect(worths.allSatisfy { ($0.value, $0.rate) >= (victim.worth.value, victim.worth.rate) })
            for blob in left.remove(at: place).blobs { users[blob] -= 1 }
        }
        #expect(plan.frees == plan.victims.reduce(0) { $0 + $1.worth.frees })
    }

    /// The byte hit rate over a trace in which few images are asked for often, beside what plain LRU has of it.
    @Test(arguments: [UInt64(1), 2, 3])
    func `keeps more of a Zipf trace than plain LRU does at the same size`(seed: UInt64) {
        var ours = CacheReplay(seed: seed, limit: 900_000_000)
        var theirs = CacheReplay(seed: seed, limit: 900_000_000)
        ours.run(requests: 1_500) { sharing, wanted, now in
            EvictionPlan(sharing, wanted: wanted, keepAtLeast: .zero, now: now) { _ in false }.victims.map(\.image.id)
        }
        theirs.run(requests: 1_500) { sharing, _, _ in
            [sharing.images.min { $0.summary.lastUsed < $1.summary.lastUsed }].compactMap { $0?.summary.id }
        }
        print("seed \(seed): byte hit rate \(ours.hitRate), plain LRU \(theirs.hitRate), most used \(ours.most)")
        #expect(ours.most <= 900_000_000 && theirs.most <= 900_000_000)
        #expect(ours.hitRate >= theirs.hitRate)
    }
}

extension EvictionPlan.Victim {
    fileprivate var name: String { String(image.tags[0].repository.path.dropFirst("library/".count)) }
}
