import OCI
import Testing

@testable import Catalogue

@Suite struct `Withdrawing a manifest` {
    private func manifest(_ number: Int, layers: [Int]) -> ManifestEntry {
        ManifestEntry(
            descriptor: Descriptor(mediaType: .ociManifest, digest: digest(number), size: 1), kind: .image,
            available: true, layers: layers.map { layer($0, size: Int64($0)).descriptor })
    }

    private func index(_ number: Int, _ manifests: [ManifestEntry]) -> ImageEntry {
        let target = Descriptor(mediaType: .ociIndex, digest: digest(number), size: 1)
        let layers = Set(manifests.flatMap(\.layers)).map { BlobEntry(descriptor: $0, role: .layer) }
        return ImageEntry(
            target: target, manifests: manifests,
            blobs: [BlobEntry(descriptor: target, role: .index)] + layers
                + manifests.map { BlobEntry(descriptor: $0.descriptor, role: .manifest) })
    }

    @Test func `leaves sums as if it had never been there`() async throws {
        let plain = try await emptyCatalogue()
        let withdrawn = try await emptyCatalogue()
        let (first, second) = (manifest(100, layers: [10, 20, 30]), manifest(200, layers: [10, 40]))
        let other = index(2, [manifest(300, layers: [20, 40, 50])])
        for catalogue in [plain, withdrawn] { try await catalogue.record(other, named: references("other:1")) }
        try await withdrawn.record(index(1, [first, second]), named: references("multi:1"))
        try await plain.record(index(1, [second]), named: references("multi:1"))
        let freed = try await withdrawn.withdraw([digest(100)], from: digest(1))
        #expect(Set(freed.map(\.digest)) == [digest(100), digest(30)] && freed.allSatisfy { $0.users == 0 })
        #expect(try await withdrawn.totals() == plain.totals())
        for number in [1, 2] {
            let (here, there) = (try await withdrawn.image(digest(number)), try await plain.image(digest(number)))
            #expect(here?.size == there?.size && here?.sharedSize == there?.sharedSize)
        }
        #expect(try await withdrawn.manifests(of: digest(1)).map(\.available) == [false, true])
        // A pull of the other platform that began before says that this one is here; it is not.
        try await withdrawn.record(index(1, [first, second]).without(blobs: [100, 30]), named: [])
        #expect(try await withdrawn.manifests(of: digest(1)).map(\.available) == [false, true])
        try await withdrawn.record(index(1, [first, second]), named: [])
        #expect(try await withdrawn.manifests(of: digest(1)).map(\.available) == [true, true])
        await #expect(throws: CatalogueError.noSuchImage("\(digest(9))")) {
            try await withdrawn.withdraw([], from: digest(9))
        }
    }
}

extension ImageEntry {
    /// Without the blobs of these numbers.
    fileprivate func without(blobs left: [Int]) -> ImageEntry {
        var entry = self
        entry.blobs.removeAll { left.map { digest($0) }.contains($0.descriptor.digest) }
        return entry
    }
}
