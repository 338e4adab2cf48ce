internal import Catalogue
internal import Hashing
internal import Layers
internal import OCI
internal import Storage

/// An OCI image layout in a tar, which is what docker writes since version 25 too.
///
/// Documents are taken as they are, to the byte. Of an index some platforms may be missing, as in the layouts of tools
/// that copy one platform with its index; what is there must be whole, and one image at least must be.
///
/// Source: OCI image-spec v1.1.1, `image-layout.md`.
struct LayoutArchive {
    let table: ArchiveTable
    let store: any ContentStore
    /// That one alone; `nil` takes all there are.
    let platform: Platform?

    func images(_ index: Index) async throws -> [LoadedImage] {
        var order: [Descriptor] = []
        var names: [Digest: [Reference]] = [:]
        for entry in index.manifests {
            if names[entry.digest] == nil {
                order.append(entry)
                names[entry.digest] = []
            }
            if let name = Self.name(of: entry), names[entry.digest]?.contains(name) == false {
                names[entry.digest]?.append(name)
            }
        }
        var images: [LoadedImage] = []
        for entry in order {
            var image = try await self.image(entry)
            image.names = names[entry.digest] ?? []
            images.append(image)
        }
        return images
    }

    /// containerd's annotation, or else OCI's; what is no reference names nothing.
    private static func name(of entry: Descriptor) -> Reference? {
        for key in ["io.containerd.image.name", "org.opencontainers.image.ref.name"] {
            guard let text = entry.annotations[key], !text.isEmpty else { continue }
            do {
                let reference = try Reference(parsing: text)
                return reference.digest == nil ? reference.withDefaultTag : nil
            } catch { return nil }
        }
        return nil
    }

    private func image(_ entry: Descriptor) async throws -> LoadedImage {
        var target = entry
        // The layout's own words for its entry, which are not the image's.
        target.annotations = [:]
        target.platform = nil
        var image = LoadedImage(target: target)
        try await add(target, to: &image, depth: 0, isRequired: true)
        let complete = image.manifests.filter { $0.available && $0.kind != .attestation }
        guard let first = complete.first else {
            if let platform {
                throw ArchiveError.platformNotHere(
                    "\(target.digest)", wanted: platform,
                    actual: image.manifests.compactMap { $0.descriptor.platform })
            }
            throw ArchiveError.nothingHere("\(target.digest)")
        }
        let best = try await shown(complete) ?? first
        if let config = try await config(of: best, in: image) {
            image.created = config.created
            image.labels = config.labels
        }
        image.blobs = image.blobs.distinct
        return image
    }

    /// The manifest that the image is listed by: the host's, where it has one.
    private func shown(_ manifests: [ManifestEntry]) async throws -> ManifestEntry? {
        let matcher = PlatformMatcher(platform ?? .host)
        return manifests.compactMap { entry in
            entry.descriptor.platform.flatMap(matcher.rank).map { (entry: entry, rank: $0) }
        }.min { $0.rank < $1.rank }?.entry
    }

    private func config(of entry: ManifestEntry, in image: LoadedImage) async throws -> ImageConfig? {
        guard let config = entry.config, config.mediaType.isImageConfig else { return nil }
        guard let bytes = try await bytes(of: config, limit: ImageConfig.maximumSize) else { return nil }
        return try ImageConfig.read(bytes, file: config.digest.archivePath)
    }

    /// Adds a document and all that it names.
    private func add(_ descriptor: Descriptor, to image: inout LoadedImage, depth: Int, isRequired: Bool) async throws {
        let limit = Manifest.maximumSize
        guard depth < 4 else { throw ArchiveError.tooMuch("indexes nested more than 3 deep") }
        guard let bytes = try await bytes(of: descriptor, limit: limit) else {
            if isRequired { throw ArchiveError.missingFile(descriptor.digest.archivePath) }
            return image.manifests.append(Self.absent(descriptor))
        }
        let file = descriptor.digest.archivePath
        switch try ManifestDocument.read(bytes, descriptor.mediaType, file: file) {
        case .index(let index):
            image.blobs.append(LoadedBlob(descriptor, .index, source(descriptor.digest)))
            let chosen = platform.map { index.candidates(for: $0).prefix(1).map(\.digest) }
            for child in index.manifests {
                guard chosen?.contains(child.digest) ?? true else {
                    image.manifests.append(Self.absent(child))
                    continue
                }
                try await add(child, to: &image, depth: depth + 1, isRequired: false)
            }
        case .manifest(let manifest):
            try await add(manifest, descriptor, to: &image, isRequired: isRequired)
        }
    }

    private static func absent(_ child: Descriptor) -> ManifestEntry {
        ManifestEntry(
            descriptor: child,
            kind: child.isAttestation ? .attestation : child.mediaType.isManifest ? .image : .unknown,
            available: false, attestationFor: child.attestationSubject)
    }

    private func add(
        _ manifest: Manifest, _ descriptor: Descriptor, to image: inout LoadedImage, isRequired: Bool
    ) async throws {
        var entry = Self.absent(descriptor)
        if !descriptor.isAttestation { entry.kind = .image }
        entry.config = manifest.config
        entry.layers = manifest.layers
        var blobs = [LoadedBlob(descriptor, .manifest, source(descriptor.digest))]
        for (role, blob) in [(BlobEntry.Role.config, manifest.config)] + manifest.layers.map({ (.layer, $0) }) {
            guard try await isHere(blob) else {
                if isRequired { throw ArchiveError.missingBlob(blob.digest, manifest: descriptor.digest) }
                // A platform that was not copied with the rest.
                return image.manifests.append(Self.absent(descriptor))
            }
            blobs.append(LoadedBlob(blob, role, source(blob.digest)))
        }
        entry.available = true
        if manifest.config.mediaType.isImageConfig { try await check(manifest, &blobs, descriptor) }
        image.manifests.append(entry)
        image.blobs += blobs
    }

    /// Every layer that the archive brings is what the config says.
    private func check(_ manifest: Manifest, _ blobs: inout [LoadedBlob], _ descriptor: Descriptor) async throws {
        guard let bytes = try await bytes(of: manifest.config, limit: ImageConfig.maximumSize) else { return }
        let config = try ImageConfig.read(bytes, file: manifest.config.digest.archivePath)
        if let platform, descriptor.platform == nil, PlatformMatcher(platform).rank(config.platform) == nil {
            throw ArchiveError.platformNotHere(
                "\(descriptor.digest)", wanted: platform, actual: [config.platform])
        }
        // Attestations have a config with a layer for each statement, whose diffIDs are those of the statements.
        guard config.diffIDs.count == manifest.layers.count else {
            throw ArchiveError.layerCount(expected: config.diffIDs.count, actual: manifest.layers.count)
        }
        for (place, layer) in manifest.layers.enumerated() {
            guard let file = table.blob(layer.digest) else { continue }
            let layer = try unpacked(file, layer: place, expected: config.diffIDs[place])
            blobs[place + 2].entry.diffID = layer.diffID
            blobs[place + 2].entry.unpackedSize = layer.size
        }
    }

    // MARK: Blobs

    /// In the archive or in the store, with the length its descriptor says.
    private func isHere(_ blob: Descriptor) async throws -> Bool {
        if let file = table.blob(blob.digest) {
            guard file.size == blob.size else {
                throw ArchiveError.wrongSize(blob.digest, claimed: blob.size, actual: file.size)
            }
            return true
        }
        return try await store.size(of: blob.digest) == blob.size
    }

    private func source(_ digest: Digest) -> LoadedBlob.Source {
        table.blob(digest).map { .file($0) } ?? .present
    }

    private func bytes(of blob: Descriptor, limit: Int) async throws -> [UInt8]? {
        guard try await isHere(blob) else { return nil }
        if let file = table.blob(blob.digest) { return try file.read(limit: limit) }
        return try await store.read(blob.digest, limit: limit)
    }
}
