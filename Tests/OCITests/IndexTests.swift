import OCI
import Testing

@Suite struct `An index` {
    @Test func `offers the wanted platform first, then what runs there, then what does not say`() throws {
        let index = Index(
            manifests: try [
                entry(1, "linux/386"), entry(2, nil), entry(3, "linux/arm64"), entry(4, "linux/amd64"),
                entry(5, "linux/amd64"), entry(6, "windows/amd64"),
            ])
        #expect(sizes(index, for: "linux/amd64") == [4, 5, 1, 2])
        #expect(sizes(index, for: "linux/arm64") == [3, 2])
        #expect(sizes(index, for: "linux/s390x") == [2])
    }

    @Test func `leaves out attestations, artifacts and types it does not know`() throws {
        var attestation = try entry(1, "unknown/unknown")
        attestation.annotations = [
            "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digestText,
        ]
        var unnamed = try entry(2, nil)
        unnamed.annotations = ["vnd.docker.reference.type": "attestation-manifest"]
        var artifact = try entry(3, nil)
        artifact.artifactType = "application/x"
        var unknown = try entry(4, "linux/amd64")
        unknown.mediaType = MediaType("application/vnd.example+json")
        let index = Index(manifests: [attestation, unnamed, artifact, unknown, try entry(5, "linux/amd64")])
        #expect(sizes(index, for: "linux/amd64") == [5])
        #expect(index.platforms.map(\.description) == ["linux/amd64"])
        #expect(attestation.attestationSubject?.description == digestText)
        #expect(unnamed.attestationSubject == nil)
    }

    @Test func `offers an index within it`() throws {
        var nested = try entry(1, nil)
        nested.mediaType = .ociIndex
        var docker = try entry(2, "linux/arm64")
        docker.mediaType = .dockerList
        let index = Index(manifests: [nested, docker, try entry(3, "linux/arm64")])
        #expect(sizes(index, for: "linux/arm64") == [2, 3, 1])
    }

    @Test func `names its platforms once each, in their normal form`() throws {
        let index = Index(
            manifests: try [
                entry(1, "linux/arm64/v8"), entry(2, "linux/amd64"), entry(3, "linux/arm64"), entry(4, nil),
                entry(5, "linux/arm/v6"),
            ])
        #expect(index.platforms.map(\.description) == ["linux/arm64", "linux/amd64", "linux/arm/v6"])
    }
}

private func entry(_ size: Int64, _ platform: String?) throws -> Descriptor {
    Descriptor(
        mediaType: .ociManifest, digest: try Digest(parsing: digestText), size: size,
        platform: try platform.map { try Platform(parsing: $0) })
}

private func sizes(_ index: Index, for platform: String) -> [Int64] {
    (try? Platform(parsing: platform)).map { index.candidates(for: $0).map(\.size) } ?? []
}
