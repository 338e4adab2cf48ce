import Catalogue
import OCI
import Testing

@Suite struct `The sizes of docker's sample images` {
    /// The layers A to E, by the bytes that docker's worked example counts for them.
    private static let layers: [Character: BlobEntry] = [
        "A": layer(1, size: 74_812_345), "B": layer(2, size: 45_678_901), "C": layer(3, size: 12_000_123),
        "D": layer(4, size: 3_456_789), "E": layer(5, size: 9_876_543),
    ]

    /// The example counts layers only, so the manifests are free here.
    private func sample() async throws -> Catalogue {
        let catalogue = try await emptyCatalogue()
        let images: [(String, [String])] = [
            ("ABD", ["webapp:2.0"]), ("ABC", ["worker:1.4", "worker:latest"]),
            ("AE", ["registry.example.com:5000/team/proxy:1.27"]),
        ]
        for (number, (chain, names)) in images.enumerated() {
            try await catalogue.record(
                image(100 + number, blobs: chain.compactMap { Self.layers[$0] }),
                named: names.map { try Reference(parsing: $0) })
        }
        return catalogue
    }

    @Test(arguments: [
        ("worker:1.4", 132_491_369, 120_491_246), ("worker:latest", 132_491_369, 120_491_246),
        ("webapp:2.0", 123_948_035, 120_491_246),
        ("registry.example.com:5000/team/proxy:1.27", 84_688_888, 74_812_345),
    ])
    func `are docker's, image by image`(name: String, size: Int64, sharedSize: Int64) async throws {
        let summary = try await sample().resolve(name)
        #expect(summary.size == size)
        #expect(summary.sharedSize == sharedSize)
    }

    @Test func `are docker's in total`() async throws {
        #expect(try await sample().totals().layersSize == 145_824_701)
    }

    @Test func `shrink by exactly what only the removed image had`() async throws {
        let catalogue = try await sample()
        try await catalogue.delete(catalogue.resolve("worker").id)
        #expect(try await catalogue.totals().layersSize == 145_824_701 - 12_000_123)
        #expect(try await catalogue.resolve("webapp:2.0").sharedSize == 74_812_345)
    }
}
