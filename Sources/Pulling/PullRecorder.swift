internal import Catalogue
internal import OCI
internal import Registry
internal import Storage

/// Enters a finished pull in the catalogue: last, when every blob it refers to is durable.
struct PullRecorder: Sendable {
    let store: any ContentStore
    let catalogue: Catalogue
    let collector: Collector

    /// The name already means this very content, and all of it is here.
    func isUpToDate(_ plan: PullPlan) async throws -> Bool {
        guard plan.isComplete, let known = try await catalogue.image(named: plan.reference),
            known.id == plan.target.digest
        else { return false }
        let manifests = try await catalogue.manifests(of: known.id)
        return manifests.contains { $0.descriptor.digest == plan.manifestDescriptor.digest && $0.available }
    }

    /// - Parameter isPrivate: not everybody may fetch it, as far as is known.
    func record(_ plan: PullPlan, _ request: PullRequest, isPrivate: Bool) async throws {
        let config = try await config(of: plan)
        let earlier = try await catalogue.image(plan.target.digest)
        var entry = ImageEntry(
            target: plan.target, manifests: try await manifests(of: plan, earlier: earlier != nil),
            blobs: blobs(of: plan, config: config, isPrivate: isPrivate),
            created: config?.created, labels: config?.labels ?? [])
        // An image is listed by its host's platform: a second platform pulled beside it does not rename it.
        if let earlier, request.platform != nil {
            entry.created = earlier.created ?? entry.created
            entry.labels = earlier.labels.isEmpty ? entry.labels : earlier.labels
        }
        try await catalogue.record(entry, named: [plan.reference])
        try await collector.updateIndex()
    }

    /// A person's pull is a use of its image, whether or not anything had to be fetched; keeping it warm is none.
    func noteUse(of plan: PullPlan, _ request: PullRequest) {
        if request.purpose == .interactive { catalogue.touch(plan.target.digest) }
    }

    /// Those recorded of the image. A pull whose labels cannot be read has ended well all the same.
    func labels(of plan: PullPlan) async -> [String: String] {
        do { return Dictionary(labels: try await catalogue.image(plan.target.digest)?.labels ?? []) } catch {
            return [:]
        }
    }

    /// `nil` for artifacts, whose configs are opaque.
    private func config(of plan: PullPlan) async throws -> ImageConfig? {
        guard plan.manifest.config.mediaType.isImageConfig else { return nil }
        let bytes = try await store.read(plan.manifest.config.digest, limit: ImageConfig.maximumSize)
        return try ImageConfig.parse(bytes, of: plan.manifest.config.digest, reference: plan.reference)
    }

    private func blobs(of plan: PullPlan, config: ImageConfig?, isPrivate: Bool) -> [BlobEntry] {
        let source = plan.reference.repository.description
        func entry(_ descriptor: Descriptor, _ role: BlobEntry.Role, diffID: Digest? = nil) -> BlobEntry {
            BlobEntry(descriptor: descriptor, role: role, diffID: diffID, source: source, isPrivate: isPrivate)
        }
        var entries = plan.indexes.map { entry($0.descriptor, .index) }
        entries.append(entry(plan.manifestDescriptor, .manifest))
        entries.append(entry(plan.manifest.config, .config))
        let diffIDs = config?.diffIDs ?? []
        for (position, layer) in plan.manifest.layers.enumerated() {
            entries.append(entry(layer, .layer, diffID: position < diffIDs.count ? diffIDs[position] : nil))
        }
        var seen = Set<Digest>()
        return entries.filter { seen.insert($0.descriptor.digest).inserted }
    }

    /// Every manifest the image names, the pulled one available; what earlier pulls brought stays so.
    private func manifests(of plan: PullPlan, earlier: Bool) async throws -> [ManifestEntry] {
        let pulled = ManifestEntry(
            descriptor: plan.manifestDescriptor, kind: plan.manifestDescriptor.isAttestation ? .attestation : .image,
            available: true, config: plan.manifest.config, layers: plan.manifest.layers,
            attestationFor: plan.manifestDescriptor.attestationSubject)
        guard !plan.indexes.isEmpty else { return [pulled] }
        var known: [Digest: ManifestEntry] = [:]
        if earlier {
            for entry in try await catalogue.manifests(of: plan.target.digest) {
                known[entry.descriptor.digest] = entry
            }
        }
        var seen = Set<Digest>()
        return plan.indexes.flatMap(\.index.manifests).filter {
            seen.insert($0.digest).inserted && !$0.mediaType.isIndex
        }
        .map { child in
            if child.digest == pulled.descriptor.digest { return pulled }
            return known[child.digest] ?? absent(child)
        }
    }

    private func absent(_ child: Descriptor) -> ManifestEntry {
        ManifestEntry(
            descriptor: child,
            kind: child.isAttestation ? .attestation : child.mediaType.isManifest ? .image : .unknown,
            available: false, config: nil, layers: [], attestationFor: child.attestationSubject)
    }
}
