import Catalogue
import FoundationEssentials
import OCI
import Testing

@Suite struct `The sharing ledger` {
    /// `LAYERD_GRAPHS` sets how many, `make graphs` makes it 10,000; the seeds are fixed.
    private static let graphs = ProcessInfo.processInfo.environment["LAYERD_GRAPHS"].flatMap(UInt64.init) ?? 240

    /// Graphs of 15 steps and the deletions each, with every sum counted afresh after each.
    @Test(arguments: 0..<12)
    func `says at every step what counting afresh says`(block: UInt64) async throws {
        let catalogue = try await emptyCatalogue()
        for seed in stride(from: block, to: Self.graphs, by: 12) {
            var walk = RandomWalk(in: catalogue, seed: seed)
            for step in 0..<15 {
                let action = try await walk.step()
                try await walk.compare("graph \(seed), step \(step), \(action)")
            }
            if seed % 2 == 1 { try await walk.loseSome("graph \(seed)") }
            try await walk.deleteSomeTogether("graph \(seed)")
            try await walk.deleteAll("graph \(seed)")
        }
    }

    @Test func `does not count a second tag`() async throws {
        let catalogue = try await emptyCatalogue()
        let (first, second) = (image(1, blobs: [layer(10, size: 5)]), image(2, blobs: [layer(10, size: 5)]))
        try await catalogue.record(first, named: references("a:1"))
        try await catalogue.record(first, named: references("a:2", "b:1"))
        #expect(try await catalogue.image(digest(1))?.sharedSize == 0)
        #expect(try await catalogue.totals().layersSize == 5)
        try await catalogue.record(second, named: [])
        #expect(try await catalogue.images().map(\.sharedSize) == [5, 5])
    }

    @Test func `counts a digest twice in one image once`() async throws {
        let catalogue = try await emptyCatalogue()
        let twice = layer(10, size: 5)
        try await catalogue.record(image(1, blobs: [twice, twice]), named: [])
        #expect(try await catalogue.image(digest(1))?.size == 5)
        #expect(try await catalogue.image(digest(1))?.sharedSize == 0)
        #expect(try await catalogue.blobs(of: digest(1)).map(\.users) == [1, 1])
    }
}
