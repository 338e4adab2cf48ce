public import OCI

/// One manifest of a generated image and what it names.
public struct GeneratedManifest: Sendable {
    /// The manifest; its descriptor has platform and annotations as an index's entry.
    public var document: GeneratedBlob
    public var config: GeneratedBlob
    public var layers: [GeneratedBlob]

    /// True for a BuildKit attestation, which is no image.
    public var isAttestation: Bool { document.descriptor.annotations["vnd.docker.reference.type"] != nil }
    /// What the manifest and all it names weigh, in bytes.
    public var blobs: [GeneratedBlob] { [document, config] + layers }
}

/// An image that was made here: an index and its manifests, or one manifest.
public struct GeneratedImage: Sendable {
    /// What a tag points to.
    public var document: GeneratedBlob
    /// All manifests in the index's order; one that is `document` itself when there is no index.
    public var manifests: [GeneratedManifest]

    public var target: Descriptor { document.descriptor }
    public var digest: Digest { document.digest }

    /// The index, if there is one, and the manifests: what a registry serves as manifests.
    public var documents: [GeneratedBlob] {
        target.mediaType.isIndex ? [document] + manifests.map(\.document) : [document]
    }

    /// Configs and layers of all manifests, each once: what a registry serves as blobs.
    public var blobs: [GeneratedBlob] {
        var seen: Set<Digest> = []
        return manifests.flatMap { [$0.config] + $0.layers }.filter { seen.insert($0.digest).inserted }
    }

    /// Documents and blobs, each once, in bytes.
    public var size: Int64 { (documents + blobs).reduce(0) { $0 + $1.descriptor.size } }

    /// The manifest of the first image for `platform`.
    public func manifest(for platform: Platform) -> GeneratedManifest? {
        manifests.first { $0.document.descriptor.platform == platform }
    }
}

extension ImageFactory {
    /// Makes an index (a manifest list, for docker) of one-platform images.
    /// - Parameter attestations: adds, for each image, an attestation manifest as BuildKit does (docker's build
    ///   attestations storage): platform unknown/unknown and annotations that name the image's manifest.
    public func index(
        of images: [GeneratedImage], format: ImageFormat = .oci, attestations: Bool = false,
        annotations: [String: String] = [:]
    ) -> GeneratedImage {
        var manifests = images.flatMap(\.manifests)
        if attestations { manifests += manifests.map(attestation) }
        var members: [JSON.Member] = [
            JSON.Member("schemaVersion", 2),
            JSON.Member("mediaType", .string(format.indexType.text)),
            JSON.Member("manifests", .array(manifests.map(\.document.descriptor.json))),
        ]
        if !annotations.isEmpty { members.append(JSON.Member("annotations", .texts(annotations))) }
        let document = GeneratedBlob(
            document: JSON.object(members).serialized(pretty: 2), mediaType: format.indexType)
        return GeneratedImage(document: document, manifests: manifests)
    }

    private func attestation(of manifest: GeneratedManifest) -> GeneratedManifest {
        let statement: JSON = [
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": "https://slsa.dev/provenance/v0.2",
            "subject": [["name": "stand-in", "digest": ["sha256": .string(manifest.document.digest.hex)]]],
            "predicate": ["builder": ["id": ""], "buildType": "https://mobyproject.org/buildkit@v1"],
        ]
        var layer = GeneratedBlob(
            document: statement.serialized(), mediaType: MediaType("application/vnd.in-toto+json"))
        layer.descriptor.annotations = ["in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"]
        let config: JSON = [
            "architecture": "unknown", "os": "unknown", "config": [:],
            "rootfs": ["type": "layers", "diff_ids": [layer.digest.json]],
        ]
        let made = self.manifest(
            of: GeneratedBlob(document: config.serialized(), mediaType: .ociConfig), layers: [layer],
            platform: Platform(os: "unknown", architecture: "unknown"))
        var attestation = made.manifests[0]
        attestation.document.descriptor.annotations = [
            "vnd.docker.reference.digest": manifest.document.digest.description,
            "vnd.docker.reference.type": "attestation-manifest",
        ]
        return attestation
    }
}
