import Catalogue
import Hashing
import OCI
import Pulling
import Storage
import TestSupport

/// An image for the catalogue: an index of platforms, or a single manifest.
struct TestImage {
    struct Variant {
        var digest: Digest
        var platform: Platform?
        var kind = ManifestEntry.Kind.image
        var config: [UInt8]?
        var configType = MediaType.ociConfig
        var layers: [Descriptor]
        var available = true
    }

    var target: Descriptor
    var variants: [Variant]
    var created: Timestamp?
    var labels: [(key: String, value: String)] = []
    var names: [String]

    /// A digest that is told from others by one number.
    static func digest(_ number: UInt8) -> Digest { Digest(.sha256, bytes: [UInt8](repeating: number, count: 32)) }

    static func layer(_ number: UInt8, _ size: Int64) -> Descriptor {
        Descriptor(mediaType: .ociLayerGzip, digest: digest(number), size: size)
    }

    /// One manifest; its config is put together from `history` and `execution`.
    static func single(
        _ number: UInt8, _ names: [String], layers: [Descriptor], created: String? = nil, history: String = "[]",
        execution: String = "{}", more: String = "", labels: [(key: String, value: String)] = []
    ) throws -> TestImage {
        let diffs = layers.map { "\"\($0.digest)\"" }.joined(separator: ",")
        let date = created.map { "\"created\":\"\($0)\"," } ?? ""
        let config =
            "{\"architecture\":\"amd64\",\"os\":\"linux\",\(date)\(more)\"config\":\(execution),"
            + "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\(diffs)]},\"history\":\(history)}"
        let variant = Variant(
            digest: digest(number), platform: nil, config: Array(config.utf8),
            layers: layers)
        return TestImage(
            target: Descriptor(mediaType: .ociManifest, digest: digest(number), size: 0), variants: [variant],
            created: try created.map { try Timestamp(parsing: $0) }, labels: labels, names: names)
    }
}

extension EngineFixture {
    /// Records the image and stores its configs. Documents weigh nothing, so that sizes are those of the layers.
    func add(_ image: TestImage) async throws {
        var blobs: [Digest: BlobEntry] = [:]
        func blob(_ descriptor: Descriptor, _ role: BlobEntry.Role) {
            blobs[descriptor.digest] = BlobEntry(descriptor: descriptor, role: role)
        }
        var manifests: [ManifestEntry] = []
        blob(image.target, image.target.mediaType.isIndex ? .index : .manifest)
        for variant in image.variants {
            let config = try await store(variant)
            let descriptor = Descriptor(
                mediaType: .ociManifest, digest: variant.digest, size: 0, platform: variant.platform)
            manifests.append(
                ManifestEntry(
                    descriptor: descriptor, kind: variant.kind, available: variant.available, config: config,
                    layers: variant.layers,
                    attestationFor: variant.kind == .attestation ? image.variants.first?.digest : nil))
            guard variant.available else { continue }
            if descriptor.digest != image.target.digest { blob(descriptor, .manifest) }
            if let config { blob(config, .config) }
            for layer in variant.layers { blob(layer, .layer) }
        }
        let entry = ImageEntry(
            target: image.target, manifests: manifests, blobs: Array(blobs.values), created: image.created,
            labels: image.labels)
        try await catalogue.record(entry, named: image.names.map { try Reference(parsing: $0) })
    }

    private func store(_ variant: TestImage.Variant) async throws -> Descriptor? {
        guard let bytes = variant.config else { return nil }
        let digest = Digest.sha256(of: bytes)
        let stored = Descriptor(mediaType: variant.configType, digest: digest, size: Int64(bytes.count))
        try await store.ingest(stored) { writer in try writer.append(bytes.span.bytes) }
        return Descriptor(mediaType: variant.configType, digest: digest, size: 0)
    }
}

/// Three images that share a base, as people have them.
enum FamilyOfThree {
    static let base = TestImage.layer(0xA0, 74_812_345)
    static let runtime = TestImage.layer(0xB0, 45_678_901)

    static func images() throws -> [TestImage] {
        [
            try .single(
                0x11, ["webapp:2.0"], layers: [base, runtime, TestImage.layer(0xD0, 3_456_789)],
                created: "2026-01-01T12:00:00Z", labels: [("tier", "frontend")]),
            try .single(
                0x22, ["worker:1.4", "worker:latest"], layers: [base, runtime, TestImage.layer(0xC0, 12_000_123)],
                created: "2025-12-20T00:00:00.5Z", history: history,
                execution:
                    "{\"WorkingDir\":\"/app\",\"Labels\":{\"tier\":\"backend\",\"a\":\"<b>\"},\"Cmd\":[\"run\"]}",
                labels: [("tier", "backend"), ("a", "<b>")]),
            try .single(
                0x33, ["registry.example.com:5000/team/proxy:1.27"], layers: [base, TestImage.layer(0xE0, 9_876_543)],
                created: "2025-06-15T00:00:00Z"),
        ]
    }

    private static let history = """
        [{"created":"2025-10-01T00:00:00Z","created_by":"base","comment":"first"},\
        {"created":"2025-11-01T00:00:00Z","created_by":"ENV A=b","empty_layer":true},\
        {"created":"2025-11-02T00:00:00Z","created_by":"RUN one && two"},\
        {"created_by":"COPY app","comment":"last"}]
        """
}

extension EngineFixture {
    /// A fixture with ``FamilyOfThree``.
    static func withFamily(puller: any ImagePuller = ScriptedPuller()) async throws -> EngineFixture {
        let fixture = try await EngineFixture(puller: puller)
        for image in try FamilyOfThree.images() { try await fixture.add(image) }
        return fixture
    }
}
