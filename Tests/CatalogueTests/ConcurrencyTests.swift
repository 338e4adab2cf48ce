import OCI
import Testing

@testable import Catalogue

@Suite struct `Many tasks at one catalogue` {
    @Test func `record images that share layers, and every reading adds up`() async throws {
        try await withCatalogueFile { path in
            let catalogue = try await Catalogue.open(path: path, now: StoppedClock().now)
            try await withThrowingTaskGroup { group in
                for task in 0..<16 {
                    group.addTask {
                        for step in 0..<4 {
                            let blobs = [
                                layer(1_000 + step, size: 10), layer(2_000 + task, size: 100),
                                layer(3_000, size: 1_000),
                            ]
                            try await catalogue.record(
                                image(task * 4 + step, blobs: blobs),
                                named: references("t\(task):\(step)", "all:latest"))
                            let images = try await catalogue.images()
                            #expect(images.allSatisfy { 0...$0.size ~= $0.sharedSize })
                            #expect(images.filter { $0.tags.contains { $0.familiar == "all:latest" } }.count == 1)
                        }
                    }
                }
                try await group.waitForAll()
            }
            // 64 images: one layer for all, one for each of 4 steps, one for each of 16 tasks; manifests are free.
            #expect(
                try await catalogue.totals()
                    == StoreTotals(layersSize: 1_000 + 4 * 10 + 16 * 100, images: 64, references: 65, blobs: 64 + 21))
            let images = try await catalogue.images()
            #expect(images.allSatisfy { $0.size == 1_110 && $0.sharedSize == 1_110 })
            try await catalogue.close()
        }
    }

    @Test func `record one and the same image as one`() async throws {
        let catalogue = try await emptyCatalogue()
        try await withThrowingTaskGroup { group in
            for _ in 0..<16 {
                group.addTask {
                    try await catalogue.record(image(1, blobs: [layer(2, size: 5)]), named: references("a:1"))
                }
            }
            try await group.waitForAll()
        }
        #expect(try await catalogue.totals() == StoreTotals(layersSize: 5, images: 1, references: 1, blobs: 2))
        #expect(try await catalogue.image(digest(1))?.sharedSize == 0)
    }
}
