import FoundationEssentials
import OCI
import Testing

@testable import Catalogue

@Suite struct `A pin` {
    @Test func `holds the image its name points to, and follows the name`() async throws {
        let catalogue = try await emptyCatalogue()
        let name = try Reference(parsing: "a:1")
        try await catalogue.record(image(1), named: [name])
        #expect(try await catalogue.pin(name))
        #expect(try await !catalogue.pin(name), "it was pinned before")
        #expect(try await catalogue.image(digest(1))?.holders == 1)
        try await catalogue.record(image(2), named: [name])
        #expect(try await catalogue.image(digest(1))?.pins == 0)
        #expect(try await catalogue.image(digest(2))?.pins == 1)
        #expect(try await catalogue.names().map(\.isPinned) == [true])
        #expect(try await catalogue.unpin(name))
        #expect(try await catalogue.image(digest(2))?.holders == 0)
    }

    @Test func `goes with its name and needs one`() async throws {
        let catalogue = try await emptyCatalogue()
        let name = try Reference(parsing: "a:1")
        await #expect(throws: CatalogueError.noSuchImage("a:1")) { try await catalogue.pin(name) }
        try await catalogue.record(image(1), named: [name])
        try await catalogue.pin(name)
        try await catalogue.untag(name)
        try await catalogue.tag(digest(1), as: [name])
        #expect(try await catalogue.image(digest(1))?.pins == 0)
    }

    @Test func `is there after the catalogue was opened again, and in what index.json is written from`() async throws {
        try await withCatalogueFile { path in
            let first = try await Catalogue.open(path: path, now: StoppedClock().now)
            try await first.record(image(1), named: references("a:1", "a:2"))
            try await first.pin(Reference(parsing: "a:2"))
            try await first.close()
            let second = try await Catalogue.open(path: path, now: StoppedClock().now)
            #expect(try await second.names().map(\.isPinned) == [false, true])
            try await second.close()
        }
    }

    @Test func `and a reader hold together`() async throws {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(image(1), named: references("a:1"))
        try await catalogue.pin(Reference(parsing: "a:1"))
        let reading = catalogue.reading(digest(1))
        #expect(try await catalogue.image(digest(1))?.holders == 2)
        reading.end()
        reading.end()
        #expect(try await catalogue.image(digest(1))?.holders == 1)
    }
}

@Suite struct `A name` {
    @Test func `moves to an image that is recorded, and to no other`() async throws {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(image(1), named: references("a:1"))
        try await catalogue.record(image(2), named: [])
        try await catalogue.tag(digest(2), as: references("a:1", "b"))
        #expect(try await catalogue.image(digest(1))?.tags == [])
        #expect(try await catalogue.names(of: digest(2)) == references("a:1", "b:latest"))
        await #expect(throws: CatalogueError.noSuchImage("\(digest(3))")) {
            try await catalogue.tag(digest(3), as: references("a:1"))
        }
        let other = try Reference(parsing: "a@\(digest(1))")
        await #expect(throws: CatalogueError.self) { try await catalogue.tag(digest(2), as: [other]) }
    }

    @Test func `of content fetched with credentials says so`() async throws {
        let catalogue = try await emptyCatalogue()
        var entry = image(1)
        for index in entry.blobs.indices { entry.blobs[index].isPrivate = true }
        try await catalogue.record(entry, named: references("a:1"))
        try await catalogue.record(image(2), named: references("b:1"))
        #expect(try await catalogue.names().map(\.isPrivate) == [true, false])
    }
}

@Suite struct `A use` {
    @Test func `is entered for an image by its ID or a manifest, and for a blob`() async throws {
        let clock = StoppedClock()
        let catalogue = try await emptyCatalogue(clock)
        let manifest = Descriptor(mediaType: .ociManifest, digest: digest(5), size: 3)
        let entry = ImageEntry(
            target: Descriptor(mediaType: .ociIndex, digest: digest(1), size: 1),
            manifests: [ManifestEntry(descriptor: manifest, kind: .image, available: true)],
            blobs: [layer(10, size: 4)])
        try await catalogue.record(entry, named: references("a:1"))
        let recorded = try #require(try await catalogue.image(digest(1)))
        #expect(recorded.uses == 0 && recorded.lastUsed == recorded.recorded)
        clock.advance(by: 60)
        for used in [digest(1), digest(5), digest(10), digest(99)] { catalogue.touch(used) }
        try await catalogue.enterUses()
        let used = try #require(try await catalogue.image(digest(1)))
        #expect(used.uses == 2)
        #expect(used.lastUsed.seconds == recorded.recorded.seconds + 60)
    }

    @Test func `is not lost when the catalogue closes`() async throws {
        try await withCatalogueFile { path in
            let first = try await Catalogue.open(path: path, now: StoppedClock().now)
            try await first.record(image(1), named: [])
            first.touch(digest(1))
            try await first.close()
            let second = try await Catalogue.open(path: path, now: StoppedClock().now)
            #expect(try await second.image(digest(1))?.uses == 1)
            try await second.close()
        }
    }
}

@Suite struct `Removing together` {
    private func threeImages() async throws -> Catalogue {
        let catalogue = try await emptyCatalogue()
        let (base, middle) = (layer(10, size: 1_000), layer(11, size: 100))
        try await catalogue.record(image(1, blobs: [base, middle, layer(12, size: 10)]), named: references("a:1"))
        try await catalogue.record(image(2, blobs: [base, middle, middle]), named: references("b:1", "b:2"))
        try await catalogue.record(image(3, blobs: [base, layer(13, size: 1)]), named: [])
        return catalogue
    }

    @Test func `frees what only those removed use`() async throws {
        let catalogue = try await threeImages()
        let sets: [(Set<Digest>, Int64)] = [
            ([digest(1)], 10), ([digest(2)], 0), ([digest(3)], 1), ([digest(1), digest(2)], 110),
            ([digest(1), digest(2), digest(3)], 1_111), ([digest(9)], 0), ([], 0),
        ]
        for (ids, bytes) in sets { #expect(try await catalogue.reclaimable(of: ids) == bytes, "\(ids)") }
        #expect(try await catalogue.reclaimable() == 1_111)
        try await catalogue.pin(Reference(parsing: "b:2"))
        #expect(try await catalogue.reclaimable() == 11, "the pinned image keeps base and middle")
        let reading = catalogue.reading(digest(3))
        #expect(try await catalogue.reclaimable() == 10)
        reading.end()
    }

    @Test func `returns names, images and blobs that went`() async throws {
        let catalogue = try await threeImages()
        let removal = try await catalogue.remove(
            names: references("b:1", "nobody:1"), images: [digest(1), digest(2), digest(9), digest(1)])
        #expect(removal.names.map(\.reference) == (try references("b:1")))
        #expect(removal.names.map(\.image) == [digest(2)])
        #expect(removal.images.map(\.id) == [digest(1), digest(2)])
        #expect(removal.images.map { $0.tags.count } == [1, 1], "b:1 went before")
        #expect(removal.blobs.reduce(0) { $0 + $1.size } == 110)
        #expect(try await catalogue.totals().references == 0)
        #expect(try await catalogue.unused(of: [digest(10), digest(11), digest(13)]) == [digest(11)])
    }

    @Test func `spares what is named or held when asked to`() async throws {
        let catalogue = try await threeImages()
        try await catalogue.pin(Reference(parsing: "b:1"))
        let all = [digest(1), digest(2), digest(3)]
        let named = try await catalogue.remove(names: references("a:1"), images: all, sparing: .named)
        #expect(named.images.map(\.id) == [digest(1), digest(3)] && named.spared == [digest(2)])
        let held = try await catalogue.remove(images: all, sparing: .held)
        #expect(held.images.isEmpty && held.spared == [digest(2)])
    }
}
