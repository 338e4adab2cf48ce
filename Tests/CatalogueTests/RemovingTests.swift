import OCI
import Testing

@testable import Catalogue

@Suite struct `Removing a name` {
    @Test func `returns the image as it is without it`() async throws {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(image(1), named: references("a:1", "b"))
        let rest = try #require(try await catalogue.untag(Reference(parsing: "a:1")))
        #expect(rest.tags.map(\.familiar) == ["b:latest"])
        #expect(rest.digests.map(\.familiar) == ["b@\(digest(1))"])
        let dangling = try #require(try await catalogue.untag(Reference(parsing: "b")))
        #expect(dangling.tags.isEmpty && dangling.digests.isEmpty)
        #expect(try await catalogue.image(digest(1)) != nil)
        #expect(try await catalogue.totals().references == 0)
    }

    @Test func `that nothing has is nil`() async throws {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(image(1), named: references("a:1"))
        #expect(try await catalogue.untag(Reference(parsing: "a:2")) == nil)
        #expect(try await catalogue.untag(Reference(parsing: "a@\(digest(1))")) == nil)
        #expect(try await catalogue.names().count == 1)
    }

    @Test func `leaves a digest reference beside it`() async throws {
        let catalogue = try await emptyCatalogue()
        let byDigest = try Reference(parsing: "a@\(digest(1))")
        try await catalogue.record(image(1), named: references("a:1") + [byDigest])
        #expect(try await catalogue.untag(Reference(parsing: "a:1"))?.digests == [byDigest])
        #expect(try await catalogue.untag(byDigest)?.digests == [])
    }
}

@Suite struct `Deleting an image` {
    @Test func `returns the blobs that nobody uses any more and keeps the others`() async throws {
        let catalogue = try await emptyCatalogue()
        let shared = layer(10, size: 50)
        try await catalogue.record(image(1, blobs: [shared, layer(11, size: 6)]), named: references("a:1"))
        try await catalogue.record(image(2, blobs: [shared]), named: references("a:2"))
        #expect(try await catalogue.image(digest(2))?.sharedSize == 50)
        let unused = try await catalogue.delete(digest(1))
        #expect(Set(unused.map(\.digest)) == [digest(1), digest(11)])
        #expect(unused.map(\.users) == [0, 0])
        #expect(try await catalogue.image(digest(2))?.sharedSize == 0)
        #expect(try await catalogue.totals() == StoreTotals(layersSize: 50, images: 1, references: 1, blobs: 2))
    }

    @Test func `takes its names and manifests with it`() async throws {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(image(1), named: references("a:1", "b@\(digest(1))"))
        try await catalogue.delete(digest(1))
        #expect(try await catalogue.names().isEmpty)
        #expect(try await catalogue.manifests(of: digest(1)).isEmpty)
        #expect(try await catalogue.images().isEmpty)
    }

    @Test func `that is not recorded is refused`() async throws {
        let catalogue = try await emptyCatalogue()
        await #expect(throws: CatalogueError.noSuchImage(digest(1).description)) {
            try await catalogue.delete(digest(1))
        }
    }
}
