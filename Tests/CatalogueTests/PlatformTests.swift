import Catalogue
import OCI
import Testing

private let index = Descriptor(mediaType: .ociIndex, digest: digest(1), size: 10)

private func manifest(_ number: Int, _ architecture: String, available: Bool) -> ManifestEntry {
    let descriptor = Descriptor(
        mediaType: .ociManifest, digest: digest(number), size: 5,
        platform: Platform(os: "linux", architecture: architecture))
    guard available else { return ManifestEntry(descriptor: descriptor, kind: .image, available: false) }
    return ManifestEntry(
        descriptor: descriptor, kind: .image, available: true,
        config: Descriptor(mediaType: .ociConfig, digest: digest(number + 1), size: 7),
        layers: [layer(number + 2, size: 100), layer(50, size: 1_000)].map(\.descriptor))
}

/// What a pull of one platform of a two-platform index brings.
private func pulled(_ number: Int) -> ImageEntry {
    let manifests = [manifest(20, "amd64", available: number == 20), manifest(30, "arm64", available: number == 30)]
    let own = manifests.flatMap { [$0.descriptor] + ($0.config.map { [$0] } ?? []) }.filter {
        $0.digest == digest(number) || $0.digest == digest(number + 1)
    }
    return ImageEntry(
        target: index, manifests: manifests,
        blobs: [BlobEntry(descriptor: index, role: .index)] + own.map { BlobEntry(descriptor: $0, role: .other) }
            + [layer(number + 2, size: 100), layer(50, size: 1_000)])
}

@Suite struct `A second platform of an image` {
    @Test func `adds its blobs, and what both use counts once`() async throws {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(pulled(20), named: references("a:1"))
        #expect(try await catalogue.image(digest(1))?.size == 10 + 5 + 7 + 100 + 1_000)
        try await catalogue.record(pulled(30), named: references("a:1"))
        let summary = try #require(try await catalogue.image(digest(1)))
        #expect(summary.size == 10 + 2 * (5 + 7 + 100) + 1_000)
        #expect(summary.sharedSize == 0)
        #expect(try await catalogue.totals().layersSize == summary.size)
    }

    @Test func `leaves the first one available, in the index's order`() async throws {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(pulled(20), named: [])
        try await catalogue.record(pulled(30), named: [])
        let manifests = try await catalogue.manifests(of: digest(1))
        #expect(manifests.map(\.descriptor.digest) == [digest(20), digest(30)])
        #expect(manifests.map(\.available) == [true, true])
        #expect(manifests.map(\.descriptor.platform?.architecture) == ["amd64", "arm64"])
        #expect(manifests.map(\.config?.digest) == [digest(21), digest(31)])
        #expect(manifests.map { $0.layers.map(\.digest) } == [[digest(22), digest(50)], [digest(32), digest(50)]])
    }
}

@Suite struct `The manifests of an image` {
    @Test func `keep a layer that occurs twice`() async throws {
        let catalogue = try await emptyCatalogue()
        let twice = layer(10, size: 3)
        try await catalogue.record(image(1, blobs: [twice, layer(11, size: 4), twice]), named: [])
        let manifest = try #require(try await catalogue.manifests(of: digest(1)).first)
        #expect(manifest.layers.map(\.digest) == [digest(10), digest(11), digest(10)])
        #expect(try await catalogue.image(digest(1))?.size == 7)
    }

    @Test func `keep what an attestation is about and whatever else a descriptor says`() async throws {
        let catalogue = try await emptyCatalogue()
        let descriptor = Descriptor(
            mediaType: .ociManifest, digest: digest(2), size: 5,
            platform: Platform(os: "unknown", architecture: "unknown"),
            annotations: ["vnd.docker.reference.type": "attestation-manifest"], artifactType: "application/x",
            urls: ["https://example.com/"], data: Array("hello".utf8))
        let entry = ManifestEntry(
            descriptor: descriptor, kind: .attestation, available: false, attestationFor: digest(3))
        try await catalogue.record(ImageEntry(target: index, manifests: [entry], blobs: []), named: [])
        let manifest = try #require(try await catalogue.manifests(of: digest(1)).first)
        #expect(manifest.descriptor == descriptor)
        #expect(manifest.kind == .attestation && manifest.attestationFor == digest(3) && manifest.config == nil)
    }

    @Test func `are none for an unknown ID`() async throws {
        #expect(try await emptyCatalogue().manifests(of: digest(1)).isEmpty)
    }
}
