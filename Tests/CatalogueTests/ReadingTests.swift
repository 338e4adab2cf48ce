import OCI
import Testing

@testable import Catalogue

@Suite struct `The list of images` {
    @Test func `has the newest first and the undated last`() async throws {
        let catalogue = try await emptyCatalogue()
        for (number, created) in [(1, nil), (2, 5), (3, -9), (4, 70)] as [(Int, Int64?)] {
            try await catalogue.record(image(number, created: created), named: [])
        }
        var same = image(5, created: 5)
        same.created?.nanoseconds = 1
        try await catalogue.record(same, named: [])
        #expect(try await catalogue.images().map(\.id) == [4, 5, 2, 3, 1].map { digest($0) })
    }

    @Test func `sorts tags and digest references by their canonical text`() async throws {
        let catalogue = try await emptyCatalogue()
        let names = try references("b:2", "a:2", "a-b:1", "a:1", "ghcr.io/a:9", "c@\(digest(1))")
        try await catalogue.record(image(1), named: names)
        let summary = try #require(try await catalogue.images().first)
        #expect(summary.tags.map(\.familiar) == ["a-b:1", "a:1", "a:2", "b:2", "ghcr.io/a:9"])
        #expect(
            summary.digests.map(\.familiar) == ["a-b", "a", "b", "c", "ghcr.io/a"].map { "\($0)@\(digest(1))" })
    }

    @Test func `says the same of an image as a question for it alone`() async throws {
        let catalogue = try await emptyCatalogue()
        let shared = layer(10, size: 50)
        try await catalogue.record(image(1, blobs: [shared, layer(11, size: 6)]), named: references("a:1", "b:1"))
        try await catalogue.record(image(2, blobs: [shared]), named: references("a:2"))
        for listed in try await catalogue.images() {
            let alone = try #require(try await catalogue.image(listed.id))
            #expect(String(describing: listed) == String(describing: alone))
        }
    }
}

@Suite struct `The unpacked size of an image` {
    @Test func `is the sum over its layers, once known of each`() async throws {
        let catalogue = try await emptyCatalogue()
        let unknown = [layer(10, size: 1, unpackedSize: 30), layer(11, size: 2)]
        try await catalogue.record(image(1, blobs: unknown), named: [])
        try await catalogue.record(image(2, blobs: unknown), named: [])
        #expect(try await catalogue.image(digest(1))?.unpackedSize == nil)
        let known = [layer(10, size: 1, unpackedSize: 30), layer(11, size: 2, unpackedSize: 4)]
        try await catalogue.record(image(1, blobs: known + known), named: [])
        #expect(try await catalogue.image(digest(1))?.unpackedSize == 34)
        #expect(try await catalogue.image(digest(2))?.unpackedSize == 34)
    }

    @Test func `leaves out what is no layer, whenever its size is learnt`() async throws {
        let catalogue = try await emptyCatalogue()
        var entry = image(digest(1), size: 1_000)
        try await catalogue.record(entry, named: [])
        #expect(try await catalogue.image(digest(1))?.unpackedSize == 0)
        entry.blobs[0].unpackedSize = 5_000
        try await catalogue.record(entry, named: [])
        #expect(try await catalogue.image(digest(1))?.unpackedSize == 0)
        #expect(try await catalogue.blobs(of: digest(1)).map(\.unpackedSize) == [5_000])
    }
}

@Suite struct `The blobs of an image` {
    @Test func `come with what is known of them and how many images use them`() async throws {
        let catalogue = try await emptyCatalogue()
        let shared = layer(10, size: 50, diffID: digest(90), unpackedSize: 200)
        try await catalogue.record(image(digest(1), size: 4, blobs: [shared]), named: references("a:1", "a:2"))
        try await catalogue.record(image(2, blobs: [shared]), named: [])
        let blobs = try await catalogue.blobs(of: digest(1))
        let own = BlobUse(
            digest: digest(1), mediaType: .ociManifest, role: .manifest, size: 4, users: 1, unpackedSize: nil,
            diffID: nil)
        let used = BlobUse(
            digest: digest(10), mediaType: .ociLayerGzip, role: .layer, size: 50, users: 2, unpackedSize: 200,
            diffID: digest(90))
        #expect(blobs == [own, used])
        #expect(try await catalogue.blobs(of: digest(3)).isEmpty)
    }
}

@Suite struct `The names` {
    @Test func `are all tags and digest references with what they point to`() async throws {
        let catalogue = try await emptyCatalogue()
        let (first, second) = (image(1), image(2))
        try await catalogue.record(first, named: references("b:1", "a:1"))
        try await catalogue.record(second, named: references("c@\(digest(2))"))
        let names = try await catalogue.names()
        #expect(names.map(\.reference) == (try references("a:1", "b:1", "c@\(digest(2))")))
        #expect(names.map(\.descriptor) == [first.target, first.target, second.target])
    }
}
