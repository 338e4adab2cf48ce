import Catalogue
import Coordination
import OCI
import Pulling
import TestSupport
import Testing

@Suite struct `Saves, loads and removals of one tag at once` {
    /// E11. Each of them comes before or after each other one: what was saved is the whole archive, and at the end the
    /// tag is whole or gone.
    @Test func `leave it whole or gone, and save all of it or nothing`() async throws {
        let image = ImageFactory().image(try smallRecipe())
        let archive = try tar(layout([("small:1", image)]))
        let rig = try await ArchiveRig()
        try await rig.load(archive)
        let whole = try await rig.save("small:1")
        let name = try Reference(parsing: "small:1")
        let counts = Locked((saved: 0, missed: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask { for _ in 0..<25 { try await rig.load(archive) } }
                group.addTask {
                    for _ in 0..<40 { _ = try await rig.collector.remove(names: [name], images: [image.digest]) }
                }
                group.addTask {
                    for _ in 0..<40 {
                        do {
                            let saved = try await rig.save("small:1")
                            let isWhole = saved == whole
                            #expect(isWhole, "\(saved.count) bytes of \(whole.count)")
                            counts.withLock { $0.saved += 1 }
                        } catch CatalogueError.noSuchImage {
                            counts.withLock { $0.missed += 1 }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        print("\(counts.withLock { $0 }) while it was loaded 50 times and removed up to 80 times")
        #expect(rig.collector.heldBlobs == 0)
        try rig.expectNothingStaged()
        if try await rig.tags() == ["small:1"] { #expect(try await rig.save("small:1") == whole) }
        _ = try await rig.collector.remove(names: [name], images: [image.digest])
        _ = try await rig.collector.prune(all: true, dryRun: false)
        try await rig.expectNothing()
    }
}
