internal import Catalogue
internal import OCI
internal import Storage

/// Reads out of the store what an image consists of and how much of it is here: for a catalogue that has to be told
/// anew.
struct StoredImageReader: Sendable {
    let store: any ContentStore
    /// As it is to be recorded of every blob.
    let source: String?
    let isPrivate: Bool

    /// The image as the catalogue takes it, with the blobs that the store has. Documents that are missing, damaged or
    /// not what they claim leave their part of the image unavailable.
    func entry(of target: Descriptor) async throws -> ImageEntry {
        var entry = ImageEntry(target: target, manifests: [], blobs: [])
        var seen = Set<Digest>()
        var best: PlatformRank?
        try await read(target, depth: 0, into: &entry, &seen, &best)
        return entry
    }

    /// Which manifest's config the image's date and labels are of: the first of this machine's platform, else the
    /// first that has one.
    private enum PlatformRank: Comparable { case other, host }

    private func read(
        _ descriptor: Descriptor, depth: Int, into entry: inout ImageEntry, _ seen: inout Set<Digest>,
        _ best: inout PlatformRank?
    ) async throws {
        guard depth <= PullPlan.maximumNesting, seen.insert(descriptor.digest).inserted else { return }
        let isIndex = descriptor.mediaType.isIndex
        guard let document = try await document(descriptor) else {
            if !isIndex { entry.manifests.append(Self.absent(descriptor)) }
            return
        }
        entry.blobs.append(blob(descriptor, isIndex ? .index : .manifest))
        switch document {
        case .index(let index):
            for child in index.manifests { try await read(child, depth: depth + 1, into: &entry, &seen, &best) }
        case .manifest(let manifest):
            try await read(manifest, descriptor, into: &entry, &seen, &best)
        }
    }

    private func read(
        _ manifest: Manifest, _ descriptor: Descriptor, into entry: inout ImageEntry, _ seen: inout Set<Digest>,
        _ best: inout PlatformRank?
    ) async throws {
        let config = try await config(manifest)
        var isComplete = try await has(manifest.config)
        if isComplete, seen.insert(manifest.config.digest).inserted {
            entry.blobs.append(blob(manifest.config, .config))
        }
        for (position, layer) in manifest.layers.enumerated() {
            guard try await has(layer) else {
                isComplete = false
                continue
            }
            guard seen.insert(layer.digest).inserted else { continue }
            let diffIDs = config?.diffIDs ?? []
            entry.blobs.append(blob(layer, .layer, diffID: position < diffIDs.count ? diffIDs[position] : nil))
        }
        var known = Self.absent(descriptor)
        (known.available, known.config, known.layers) = (isComplete, manifest.config, manifest.layers)
        entry.manifests.append(known)
        guard let config else { return }
        let rank: PlatformRank = PlatformMatcher(.host).rank(config.platform) == nil ? .other : .host
        guard best.map({ rank > $0 }) ?? true else { return }
        best = rank
        (entry.created, entry.labels) = (config.created, config.labels)
    }

    private func document(_ descriptor: Descriptor) async throws -> ManifestDocument? {
        guard let bytes = try await bytes(of: descriptor, limit: Manifest.maximumSize) else { return nil }
        do { return try ManifestDocument(parsing: bytes, mediaType: descriptor.mediaType) } catch { return nil }
    }

    private func config(_ manifest: Manifest) async throws -> ImageConfig? {
        guard manifest.config.mediaType.isImageConfig,
            let bytes = try await bytes(of: manifest.config, limit: ImageConfig.maximumSize)
        else { return nil }
        do { return try ImageConfig(parsing: bytes) } catch { return nil }
    }

    private func bytes(of descriptor: Descriptor, limit: Int) async throws -> [UInt8]? {
        do {
            return try await store.read(descriptor.digest, limit: limit)
        } catch let fault as any Fault where [.notFound, .integrity, .invalidInput].contains(fault.kind) {
            return nil
        }
    }

    private func has(_ descriptor: Descriptor) async throws -> Bool {
        try await store.size(of: descriptor.digest) == descriptor.size
    }

    private func blob(_ descriptor: Descriptor, _ role: BlobEntry.Role, diffID: Digest? = nil) -> BlobEntry {
        BlobEntry(descriptor: descriptor, role: role, diffID: diffID, source: source, isPrivate: isPrivate)
    }

    private static func absent(_ descriptor: Descriptor) -> ManifestEntry {
        ManifestEntry(
            descriptor: descriptor,
            kind: descriptor.isAttestation ? .attestation : descriptor.mediaType.isManifest ? .image : .unknown,
            available: false, attestationFor: descriptor.attestationSubject)
    }
}
