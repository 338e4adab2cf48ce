import OCI
import TestSupport
import Testing

@testable import Catalogue

/// Docker's official images of January 2018: 2,356 real images and the 7,201 layers they share.
@Suite(.enabled(if: CorpusFiles.isPresent(), Comment(rawValue: CorpusFiles.absence)))
struct `The ledger of real images` {
    private let folder = "corpus/public/datasets/"

    @Test func `has the totals that were counted of them`() async throws {
        let stats = try #require(try CorpusFiles.json(folder + "stats.json")["official-images-2018-01"]?["all"])
        func figure(_ key: String) -> Int64? { stats[key]?.integer }
        let catalogue = try await emptyCatalogue()
        for row in try CorpusFiles.lines(folder + "official-images-2018-01.jsonl.zst") {
            try await record(row, in: catalogue)
        }
        let totals = try await catalogue.totals()
        #expect(Int64(totals.images) == figure("images"))
        #expect(totals.layersSize == figure("unique_bytes"))
        let images = try await catalogue.images()
        #expect(images.reduce(0) { $0 + $1.size } == figure("logical_bytes"))
        let unique = images.reduce(0) { $0 + $1.size - $1.sharedSize }
        #expect(unique == figure("sum_of_unique_size_per_image"))
        #expect(totals.layersSize - unique == figure("bytes_in_layers_used_by_2_or_more_images"))
        #expect(Int64(images.map(\.size).max() ?? 0) == figure("image_size_max"))
        #expect(try await catalogue.reclaimable(of: Set(images.map(\.id))) == totals.layersSize)
        #expect(try await catalogue.reclaimable() == totals.layersSize)
    }

    /// The dataset counts layers alone, so the synthetic manifests have no bytes.
    private func record(_ row: JSON, in catalogue: Catalogue) async throws {
        let digest = try Digest(parsing: #require(row["manifest"]?.string))
        let repository = try #require(row["repo"]?.string)
        let target = Descriptor(mediaType: .dockerManifest, digest: digest, size: 0)
        var blobs = [BlobEntry(descriptor: target, role: .manifest)]
        for layer in row["layers"]?.array ?? [] {
            let descriptor = Descriptor(
                mediaType: .dockerLayerGzip, digest: try Digest(parsing: #require(layer["digest"]?.string)),
                size: try #require(layer["size"]?.integer))
            blobs.append(BlobEntry(descriptor: descriptor, role: .layer))
        }
        let names = try (row["tags"]?.array ?? []).compactMap(\.string).map {
            try Reference(parsing: "\(repository):\($0)")
        }
        try await catalogue.record(ImageEntry(target: target, manifests: [], blobs: blobs), named: names)
    }
}
