internal import Catalogue
internal import Layers
internal import OCI

/// One image of an archive that was checked and can be entered.
struct LoadedImage: Sendable {
    var target: Descriptor
    /// Tags; none for an image that the archive does not name.
    var names: [Reference] = []
    var manifests: [ManifestEntry] = []
    var blobs: [LoadedBlob] = []
    var created: Timestamp?
    var labels: [(key: String, value: String)] = []

    /// What the catalogue is told. Content that somebody brought is private until a registry has shown it to an
    /// anonymous client: an archive may call anything `nginx`.
    var entry: ImageEntry {
        ImageEntry(target: target, manifests: manifests, blobs: blobs.map(\.entry), created: created, labels: labels)
    }
}

/// One blob of such an image, and where its bytes are.
struct LoadedBlob: Sendable {
    enum Source: Sendable {
        case file(ArchiveFile)
        /// Made here.
        case document([UInt8])
        /// In the store already.
        case present
    }

    var entry: BlobEntry
    var source: Source

    init(_ descriptor: Descriptor, _ role: BlobEntry.Role, _ source: Source, layer: UnpackedLayer? = nil) {
        entry = BlobEntry(
            descriptor: descriptor, role: role, diffID: layer?.diffID, isPrivate: true, unpackedSize: layer?.size)
        self.source = source
    }
}

extension LoadedBlob {
    /// Its bytes are on the disk already.
    var isStaged: Bool {
        if case .file(let file) = source, case .staged = file.place { true } else { false }
    }
}

extension [LoadedBlob] {
    /// Every digest once, the first one's entry.
    var distinct: [LoadedBlob] {
        var seen = Set<Digest>()
        return filter { seen.insert($0.entry.descriptor.digest).inserted }
    }
}

/// Checks a layer of the archive against the diffID that the config has in its place.
/// - Throws: ``ArchiveError/badLayer(_:reason:)``, ``ArchiveError/wrongDiffID(layer:expected:actual:)``.
func unpacked(_ file: ArchiveFile, layer place: Int, expected: Digest) throws -> UnpackedLayer {
    switch file.layer {
    case .failure(let error): throw ArchiveError.badLayer(place, reason: "\(error)")
    case .success(let layer):
        // The digest of nothing is the diffID of a layer without bytes, and of no other.
        guard layer.diffID == expected else {
            throw ArchiveError.wrongDiffID(layer: place, expected: expected, actual: layer.diffID)
        }
        return layer
    }
}
