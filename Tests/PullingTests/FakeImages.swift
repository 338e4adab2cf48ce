import Coordination
import Hashing
import OCI

/// Small images for a `FakeRegistry`.
struct FakeImage {
    var target: Descriptor
    var manifest: Descriptor
    var config: Descriptor
    var layers: [Descriptor]
}

extension FakeRegistry {
    /// Adds a single-manifest image whose layers are the given texts.
    @discardableResult func add(
        _ name: String, layers: [String], platform: Platform = .host, tagged: Bool = true
    ) throws -> FakeImage {
        let contents = layers.map { Array($0.utf8) }
        let descriptors = contents.map {
            Descriptor(mediaType: .ociLayerGzip, digest: .sha256(of: $0), size: Int64($0.count))
        }
        let diffIDs = contents.map { JSON.string("\(Digest.sha256(of: $0 + [0]))") }
        let config = JSON.object([
            .init("architecture", .string(platform.architecture)), .init("os", .string(platform.os)),
            .init("created", "2026-01-02T03:04:05Z"), .init("config", ["Labels": ["made": "here"]]),
            .init("rootfs", ["type": "layers", "diff_ids": .array(diffIDs)]),
        ]).serialized()
        let configDescriptor = Descriptor(
            mediaType: .ociConfig, digest: .sha256(of: config), size: Int64(config.count))
        let manifest = JSON.object([
            .init("schemaVersion", 2), .init("mediaType", .string(MediaType.ociManifest.text)),
            .init("config", configDescriptor.json), .init("layers", .array(descriptors.map(\.json))),
        ]).serialized()
        let manifestDescriptor = put(document: manifest, .ociManifest)
        state.withLock { state in
            state.blobs[configDescriptor.digest] = config
            for (descriptor, bytes) in zip(descriptors, contents) { state.blobs[descriptor.digest] = bytes }
        }
        if tagged { try tag(name, manifestDescriptor.digest) }
        return FakeImage(
            target: manifestDescriptor, manifest: manifestDescriptor, config: configDescriptor, layers: descriptors)
    }

    /// Adds an index over manifests.
    @discardableResult func add(index name: String, of children: [Descriptor]) throws -> Descriptor {
        let index = JSON.object([
            .init("schemaVersion", 2), .init("mediaType", .string(MediaType.ociIndex.text)),
            .init("manifests", .array(children.map(\.json))),
        ]).serialized()
        let descriptor = put(document: index, .ociIndex)
        try tag(name, descriptor.digest)
        return descriptor
    }

    func put(document bytes: [UInt8], _ mediaType: MediaType) -> Descriptor {
        let descriptor = Descriptor(mediaType: mediaType, digest: .sha256(of: bytes), size: Int64(bytes.count))
        state.withLock { $0.documents[descriptor.digest] = (descriptor, bytes) }
        return descriptor
    }

    func tag(_ name: String, _ digest: Digest) throws {
        let reference = try Reference(parsing: name).withDefaultTag
        state.withLock { $0.tags[reference.description] = digest }
    }
}

extension Descriptor {
    func on(_ platform: Platform) -> Descriptor {
        var copy = self
        copy.platform = platform
        return copy
    }

    func attesting(_ digest: Digest) -> Descriptor {
        var copy = on(Platform(os: "unknown", architecture: "unknown"))
        copy.annotations = [
            "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": "\(digest)",
        ]
        return copy
    }
}
