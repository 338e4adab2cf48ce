internal import Coordination
internal import OCI
internal import Storage

/// Finds out when what the mirror brought, blob by blob, has become an image, and enters it in the catalogue.
///
/// Clients ask for an index, for the manifest of their platform, for its blobs, each by itself; which belongs to which
/// only the documents tell. An image is entered as soon as one of its platforms is whole, under the tags that were
/// asked for, or as a digest reference where none was.
actor Assembly {
    private let store: LocalContentStore
    private let recorder: PullRecorder
    /// Indexes that were shown, by what they list.
    private let parents = Recent<Place, Set<Digest>>(limit: 20_000)
    /// Tags under which a manifest or index was asked for.
    private let tags = Recent<Place, Set<Reference>>(limit: 5_000)
    /// Manifests that were shown and lack a blob, by the blobs they lack.
    private let lacking = Recent<Digest, [Place]>(limit: 20_000)
    private let privacy = Recent<Digest, Bool>(limit: 5_000)
    /// What was in the catalogue as it should be a moment ago: hot images are not looked up again and again.
    private let entered = Recent<Reference, Set<Digest>>(limit: 5_000, lifetime: .seconds(5))

    private let collector: Collector
    /// What keeps the blobs of images that are not whole yet, and since when, in seconds since 1970.
    private var leases: [Place: (lease: Lease, since: Int64)] = [:]

    private let now: @Sendable () -> Timestamp

    init(
        store: LocalContentStore, recorder: PullRecorder, collector: Collector, now: @escaping @Sendable () -> Timestamp
    ) {
        self.now = now
        self.store = store
        self.recorder = recorder
        self.collector = collector
    }

    /// Lets go of what has not become whole and was last asked for before that moment, in seconds since 1970.
    func giveUp(before moment: Int64) async {
        for (place, held) in leases where held.since < moment { await release(place) }
    }

    /// A client was given this document under this name.
    func served(
        _ document: ManifestDocument, _ descriptor: Descriptor, as reference: Reference, isPrivate: Bool
    ) async {
        let place = Place(repository: reference.repository, digest: descriptor.digest)
        if reference.tag != nil { tags.update(place, initial: []) { $0.insert(reference) } }
        switch document {
        case .index(let index):
            for child in index.manifests {
                let child = Place(repository: place.repository, digest: child.digest)
                parents.update(child, initial: []) { $0.insert(place.digest) }
            }
        case .manifest(let manifest):
            privacy[place.digest] = isPrivate
            await check(manifest, place)
        }
    }

    /// A blob is in the store now.
    func arrived(_ digest: Digest) async {
        guard let places = lacking[digest] else { return }
        lacking[digest] = nil
        for place in places {
            guard let manifest = await manifest(place.digest) else { continue }
            await check(manifest, place)
        }
    }

    private func check(_ manifest: Manifest, _ place: Place) async {
        do {
            try await hold(manifest, place)
            for blob in [manifest.config] + manifest.distinctLayers
            where try await store.size(of: blob.digest) != blob.size {
                // One is enough: when it comes, the next one is found.
                return lacking.update(blob.digest, initial: []) { if !$0.contains(place) { $0.append(place) } }
            }
            for (root, path) in try await roots(of: place) {
                for name in names(of: root, place.repository) where entered[name]?.contains(place.digest) != true {
                    try await enter(name, root: root, path: path, manifest, place)
                }
            }
            await release(place)
        } catch {
            // The next request for the manifest tries again; what is wrong with the disk or the catalogue, their own
            // users report.
            return
        }
    }

    /// Keeps what the manifest names, and what leads to it, until the catalogue does.
    private func hold(_ manifest: Manifest, _ place: Place) async throws {
        let lease = leases[place]?.lease ?? collector.lease()
        leases[place] = (lease, now().seconds)
        try await lease.hold(place.digest)
        for blob in [manifest.config] + manifest.distinctLayers { try await lease.hold(blob.digest) }
        for (_, path) in try await roots(of: place) {
            for digest in path { try await lease.hold(digest) }
        }
    }

    private func release(_ place: Place) async {
        guard let (lease, _) = leases.removeValue(forKey: place) else { return }
        // What was to be removed meanwhile, the next collection meets again.
        do { try await lease.end() } catch {}
    }

    /// The topmost documents that lead to a manifest, each with the indexes on the way.
    private func roots(of place: Place) async throws -> [(root: Digest, path: [Digest])] {
        var found: [(root: Digest, path: [Digest])] = []
        var open: [[Digest]] = [[place.digest]]
        for _ in 0..<PullPlan.maximumNesting {
            var next: [[Digest]] = []
            for path in open {
                guard let first = path.first else { continue }
                let above = parents[Place(repository: place.repository, digest: first)] ?? []
                if above.isEmpty { found.append((first, Array(path.dropLast()))) }
                next += above.filter { !path.contains($0) }.map { [$0] + path }
            }
            open = next
        }
        return found
    }

    private func names(of root: Digest, _ repository: Repository) -> Set<Reference> {
        let known = tags[Place(repository: repository, digest: root)] ?? []
        return known.isEmpty ? [Reference(repository, tag: nil, digest: root)] : known
    }

    private func enter(
        _ name: Reference, root: Digest, path: [Digest], _ manifest: Manifest, _ place: Place
    ) async throws {
        var indexes: [(descriptor: Descriptor, index: Index)] = []
        var target: Descriptor?
        for digest in path {
            guard let bytes = try await bytes(digest),
                case .index(let index) = try PullThrough.document(bytes, digest)
            else { return }
            let listed = indexes.last?.index.manifests.first { $0.digest == digest }
            let type = ManifestDocument.index(index).type(announced: listed)
            let descriptor = listed ?? Descriptor(mediaType: type, digest: digest, size: Int64(bytes.count))
            target = target ?? descriptor
            indexes.append((descriptor, index))
        }
        guard let bytes = try await bytes(place.digest) else { return }
        let listed = indexes.last?.index.manifests.first { $0.digest == place.digest }
        let type = ManifestDocument.manifest(manifest).type(announced: listed)
        let descriptor = listed ?? Descriptor(mediaType: type, digest: place.digest, size: Int64(bytes.count))
        let layers = manifest.distinctLayers
        let plan = PullPlan(
            reference: name, target: target ?? descriptor, indexes: indexes, manifestDescriptor: descriptor,
            manifest: manifest, layers: layers, present: Set(layers.map(\.digest)), configPresent: true,
            fetchedDocuments: 0, fetchedDocumentBytes: 0, registryPulls: 0)
        let isHosts = indexes.last.map { $0.index.candidates(for: .host).first?.digest == place.digest } ?? true
        let request = PullRequest(reference: name, platform: isHosts ? nil : descriptor.platform ?? .host)
        if try await !recorder.isUpToDate(plan) {
            try await recorder.record(plan, request, isPrivate: privacy[place.digest] ?? true)
        }
        entered.update(name, initial: []) { $0.insert(place.digest) }
    }

    private func bytes(_ digest: Digest) async throws -> [UInt8]? {
        do { return try await store.read(digest, limit: Manifest.maximumSize) } catch let fault as any Fault
            where fault.kind == .notFound || fault.kind == .integrity
        {
            return nil
        }
    }

    private func manifest(_ digest: Digest) async -> Manifest? {
        do {
            guard let bytes = try await bytes(digest),
                case .manifest(let manifest) = try PullThrough.document(bytes, digest)
            else { return nil }
            return manifest
        } catch { return nil }
    }
}
