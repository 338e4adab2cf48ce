import Catalogue
import OCI
import Testing

@Suite struct `Recording an image` {
    @Test func `makes it known by its ID and its names`() async throws {
        let catalogue = try await emptyCatalogue()
        let names = try references("alpine:3.20", "ghcr.io/o/r:1")
        try await catalogue.record(image(1), named: names)
        #expect(try await catalogue.image(digest(1))?.id == digest(1))
        for name in names { #expect(try await catalogue.image(named: name)?.id == digest(1)) }
        #expect(try await catalogue.image(named: Reference(parsing: "alpine:3.21")) == nil)
        #expect(try await catalogue.image(digest(2)) == nil)
    }

    @Test func `keeps all that its entry says`() async throws {
        let catalogue = try await emptyCatalogue()
        var entry = image(1, created: -62_135_596_800)
        entry.target.annotations = ["org.opencontainers.image.ref.name": "x"]
        entry.labels = [("z", "last"), ("a", "„first“\u{0}\n"), ("", "")]
        try await catalogue.record(entry, named: [])
        let summary = try #require(try await catalogue.image(digest(1)))
        #expect(summary.target == entry.target)
        #expect(summary.created?.description == "0001-01-01T00:00:00Z")
        #expect(summary.labels.map(\.key) == ["z", "a", ""])
        #expect(summary.labels.map(\.value) == ["last", "„first“\u{0}\n", ""])
        #expect(summary.tags.isEmpty && summary.digests.isEmpty && summary.lastTagged == nil && summary.holders == 0)
    }

    @Test func `keeps of a label given twice the last value`() async throws {
        let catalogue = try await emptyCatalogue()
        var entry = image(1)
        entry.labels = [("a", "1"), ("b", "2"), ("a", "3")]
        try await catalogue.record(entry, named: [])
        let labels = try #require(try await catalogue.image(digest(1))?.labels)
        #expect(labels.map(\.key) == ["a", "b"])
        #expect(labels.map(\.value) == ["3", "2"])
    }

    @Test func `again leaves the sizes and the day of the first time`() async throws {
        let clock = StoppedClock()
        let catalogue = try await emptyCatalogue(clock)
        let entry = image(1, created: 7, blobs: [layer(10, size: 100), layer(11, size: 20)])
        let names = try references("a:1")
        try await catalogue.record(entry, named: names)
        let totals = try await catalogue.totals()
        clock.advance(by: 60)
        try await catalogue.record(entry, named: names)
        let summary = try #require(try await catalogue.image(digest(1)))
        #expect(summary.size == 120 && summary.sharedSize == 0)
        #expect(summary.recorded == Timestamp(seconds: 1_000))
        #expect(summary.lastTagged == Timestamp(seconds: 1_060))
        #expect(try await catalogue.totals() == totals)
    }

    @Test func `again without a date and labels keeps those known`() async throws {
        let catalogue = try await emptyCatalogue()
        var entry = image(1, created: 7)
        entry.labels = [("a", "1")]
        try await catalogue.record(entry, named: [])
        try await catalogue.record(image(1), named: [])
        let summary = try #require(try await catalogue.image(digest(1)))
        #expect(summary.created == Timestamp(seconds: 7))
        #expect(summary.labels.count == 1)
    }

    @Test func `moves a tag, and the image it left stays without it`() async throws {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(image(1), named: references("a:1"))
        try await catalogue.record(image(2), named: references("a:1"))
        #expect(try await catalogue.image(named: Reference(parsing: "a:1"))?.id == digest(2))
        let former = try #require(try await catalogue.image(digest(1)))
        #expect(former.tags.isEmpty && former.digests.isEmpty)
        #expect(try await catalogue.totals().references == 1)
    }

    @Test func `under a digest gives it a digest reference and no tag`() async throws {
        let catalogue = try await emptyCatalogue()
        let reference = try Reference(parsing: "a@\(digest(1))")
        try await catalogue.record(image(1), named: [reference])
        let summary = try #require(try await catalogue.image(named: reference))
        #expect(summary.tags.isEmpty && summary.lastTagged == nil)
        #expect(summary.digests == [reference])
        #expect(try await catalogue.names().map(\.reference) == [reference])
    }

    @Test func `drops the tag of a name with a digest, as docker does`() async throws {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(image(1), named: references("a:1@\(digest(1))"))
        #expect(try await catalogue.names().map(\.reference) == references("a@\(digest(1))"))
    }

    @Test func `under another digest is refused`() async throws {
        let catalogue = try await emptyCatalogue()
        let name = try Reference(parsing: "a@\(digest(2))")
        await #expect(throws: CatalogueError.misnamed(name, target: digest(1))) {
            try await catalogue.record(image(1), named: [name])
        }
        #expect(try await catalogue.images().isEmpty)
    }

    @Test func `whose blob is known with another length is refused and changes nothing`() async throws {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(image(1, blobs: [layer(10, size: 100)]), named: references("a:1"))
        let totals = try await catalogue.totals()
        await #expect(throws: CatalogueError.contradictorySize(digest(10), recorded: 100, given: 101)) {
            try await catalogue.record(image(2, blobs: [layer(10, size: 101)]), named: references("a:1"))
        }
        #expect(try await catalogue.totals() == totals)
        #expect(try await catalogue.image(digest(2)) == nil)
        #expect(try await catalogue.image(named: Reference(parsing: "a:1"))?.id == digest(1))
    }

    @Test(arguments: [[Int64.max, 1], [-1]])
    func `whose sizes cannot be is refused and changes nothing`(sizes: [Int64]) async throws {
        let catalogue = try await emptyCatalogue()
        let blobs = sizes.enumerated().map { layer(10 + $0, size: $1) }
        await #expect(throws: CatalogueError.self) { try await catalogue.record(image(1, blobs: blobs), named: []) }
        #expect(try await catalogue.images().isEmpty)
        #expect(try await catalogue.totals().layersSize == 0)
    }

    @Test func `in a cancelled task changes nothing`() async throws {
        let catalogue = try await emptyCatalogue()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await catalogue.record(image(1), named: [])
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await catalogue.images().isEmpty)
    }
}

@Suite struct `A platform recorded beside others` {
    @Test func `does not bring back those that were removed meanwhile`() async throws {
        let catalogue = try await emptyCatalogue()
        let target = Descriptor(mediaType: .ociIndex, digest: digest(1), size: 1)
        let platforms = [2, 3].map { Descriptor(mediaType: .ociManifest, digest: digest($0), size: 1) }
        let manifests = platforms.map { ManifestEntry(descriptor: $0, kind: .image, available: true) }
        func entry(_ present: [Descriptor]) -> ImageEntry {
            ImageEntry(
                target: target, manifests: manifests,
                blobs: ([target] + present).map { BlobEntry(descriptor: $0, role: .manifest) })
        }
        try await catalogue.record(entry(platforms), named: [])
        try await catalogue.delete(digest(1))
        try await catalogue.record(entry([platforms[1]]), named: [])
        #expect(try await catalogue.manifests(of: digest(1)).map(\.available) == [false, true])
    }
}
