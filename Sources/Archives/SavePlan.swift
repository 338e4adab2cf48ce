public import Catalogue
internal import Layers
internal import OCI
internal import Pulling

/// What an archive will hold, settled before its first byte.
public struct SavePlan: Sendable {
    enum Content: Sendable {
        case none
        case bytes([UInt8])
        case blob(Digest)
    }

    /// In the order of their names.
    var entries: [(member: TarMember, content: Content)]
    /// The images in it, each once, in the order they were asked for.
    public var images: [ImageSummary]
    /// Holds every blob until the archive is written, or the plan given up.
    let lease: Lease

    /// Length of the archive in bytes.
    public var size: Int64 {
        entries.reduce(Int64(TarEncoder.endMark.count)) { sum, entry in
            let padding = TarEncoder.padding(after: entry.member.size).count
            return sum + Int64(TarEncoder.header(entry.member).count) + entry.member.size + Int64(padding)
        }
    }
}

/// One image of an archive to be.
struct SavedImage: Sendable {
    var summary: ImageSummary
    /// What `index.json` names: the image's own target, or the one manifest that was asked for.
    var target: Descriptor
    var tags: [Reference]
    /// All that goes under `blobs/`.
    var blobs: [(digest: Digest, size: Int64)]
    /// The manifest that tools of the docker archive's kind are shown; `nil` for what is no image.
    var shown: ManifestEntry?
}

extension SavePlan {
    /// The hybrid that docker writes since version 25: an OCI layout that is a docker archive as well.
    ///
    /// The blobs are the original ones, so that digests stay what they are at the registry. Equal images make equal
    /// bytes: names are sorted, times and owners are 0.
    ///
    /// Source: OCI image-spec v1.1.1, `image-layout.md`; moby, image spec v1.2, "Combined Image JSON + Filesystem
    /// Changeset Format".
    init(_ images: [SavedImage], lease: Lease) {
        var entries: [(member: TarMember, content: Content)] = []
        func directory(_ name: String) {
            entries.append((TarMember(name: name, kind: .directory, mode: 0o755), .none))
        }
        func file(_ name: String, _ json: JSON) {
            let bytes = json.serialized()
            entries.append((TarMember(name: name, kind: .file, size: Int64(bytes.count)), .bytes(bytes)))
        }
        var seen = Set<Digest>()
        let blobs = images.flatMap(\.blobs).filter { seen.insert($0.digest).inserted }.sorted { $0.digest < $1.digest }
        directory("blobs/")
        for algorithm in Digest.Algorithm.allCases {
            let these = blobs.filter { $0.digest.algorithm == algorithm }
            if these.isEmpty && algorithm != .sha256 { continue }
            directory("blobs/\(algorithm.rawValue)/")
            for blob in these {
                let member = TarMember(name: blob.digest.archivePath, kind: .file, size: blob.size)
                entries.append((member, .blob(blob.digest)))
            }
        }
        file("index.json", Self.index(images))
        file("manifest.json", .array(images.compactMap(Self.row)))
        file("oci-layout", ["imageLayoutVersion": "1.0.0"])
        if let repositories = Self.repositories(images) { file("repositories", repositories) }
        self.entries = entries
        self.images = images.map(\.summary)
        self.lease = lease
    }

    private static func index(_ images: [SavedImage]) -> JSON {
        let descriptors = images.flatMap { image -> [JSON] in
            var plain = image.target
            plain.data = nil
            guard !image.tags.isEmpty else { return [plain.json] }
            return image.tags.map { tag in
                var named = plain
                named.annotations["io.containerd.image.name"] = tag.description
                named.annotations["org.opencontainers.image.ref.name"] = tag.tag ?? "latest"
                return named.json
            }
        }
        return [
            "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex.text), "manifests": .array(descriptors),
        ]
    }

    private static func row(_ image: SavedImage) -> JSON? {
        guard let shown = image.shown, let config = shown.config else { return nil }
        let tags = image.tags.map { JSON.string($0.familiar) }
        return [
            "Config": .string(config.digest.archivePath), "RepoTags": tags.isEmpty ? .null : .array(tags),
            "Layers": .array(shown.layers.map { .string($0.digest.archivePath) }),
        ]
    }

    /// For tools from before docker 1.10, which look here for names; what they name is the config.
    private static func repositories(_ images: [SavedImage]) -> JSON? {
        var rows: [String: [JSON.Member]] = [:]
        for image in images {
            guard let config = image.shown?.config else { continue }
            for tag in image.tags {
                rows[tag.repository.familiar, default: []]
                    .append(JSON.Member(tag.tag ?? "latest", .string(config.digest.hex)))
            }
        }
        guard !rows.isEmpty else { return nil }
        return .object(
            rows.sorted { $0.key < $1.key }
                .map { JSON.Member($0.key, .object($0.value.sorted { $0.key < $1.key })) })
    }
}

extension Digest {
    /// Where a layout has the blob.
    var archivePath: String { "blobs/\(algorithm.rawValue)/\(hex)" }
}
