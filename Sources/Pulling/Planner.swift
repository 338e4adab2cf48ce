internal import OCI
internal import Registry
internal import Storage

/// Finds out what a pull has to bring: asks the registry what the name means, reads the documents down to the
/// manifest of the wanted platform, and looks what the store has.
///
/// Documents come from the store where it has them (a digest never changes, and at Docker Hub every manifest fetched
/// costs allowance), else from the registry, and go into the store as they came, byte for byte.
struct Planner: Sendable {
    let resolver: any Resolver
    let fetcher: any Fetcher
    /// What a name is recorded to mean here.
    let recorded: @Sendable (Reference) async throws -> Descriptor?

    /// - Parameter store: under the pull's lease, for what is found here must still be here in the end.
    func plan(_ request: PullRequest, store: any ContentStore) async throws -> PullPlan {
        let reference = request.reference.forPull
        let resolution = try await resolve(reference, request)
        var reading = Reading(
            reference: reference, credential: request.credential, purpose: request.purpose, store: store)
        var descriptor = resolution.descriptor
        var body = resolution.body
        var indexes: [(descriptor: Descriptor, index: Index)] = []
        while true {
            switch try await document(descriptor, body: body, &reading) {
            case .manifest(let manifest):
                return try await finish(
                    manifest, descriptor, target: resolution.descriptor, indexes: indexes, request, reading)
            case .index(let index):
                indexes.append((descriptor, index))
                guard indexes.count <= PullPlan.maximumNesting else {
                    throw PullingError.nestedTooDeep(reference)
                }
                descriptor = try choose(from: index, for: request)
                body = nil
            }
        }
    }

    /// A digest means the same for ever: once its name is recorded, nobody needs to be asked, and no allowance spent.
    private func resolve(_ reference: Reference, _ request: PullRequest) async throws -> Resolution {
        if reference.digest != nil, let known = try await recorded(reference) {
            return Resolution(descriptor: known, host: reference.repository.domain)
        }
        if reference.digest != nil {
            // Costs a manifest; a tag is asked for by HEAD.
            try await fetcher.admit(request.purpose, to: reference.repository, credential: request.credential)
        }
        return try await resolver.resolve(reference, credential: request.credential)
    }

    /// What is carried from document to document.
    private struct Reading {
        let reference: Reference
        let credential: Credential?
        let purpose: FetchPurpose
        let store: any ContentStore
        var fetched = 0
        var fetchedBytes: Int64 = 0
        /// Manifests and indexes that were fetched: the registry counts them.
        var registryPulls = 0
    }

    private func document(
        _ descriptor: Descriptor, body: [UInt8]?, _ reading: inout Reading
    ) async throws -> ManifestDocument {
        let bytes = try await bytes(of: descriptor, body: body, limit: Manifest.maximumSize, &reading)
        do {
            return try ManifestDocument(parsing: bytes, mediaType: descriptor.mediaType)
        } catch let error {
            throw PullingError.badDocument(reading.reference, descriptor.digest, cause: error)
        }
    }

    /// A small blob's bytes: from the store, from what came with the resolution, or from the registry.
    private func bytes(
        of descriptor: Descriptor, body: [UInt8]?, limit: Int, _ reading: inout Reading
    ) async throws -> [UInt8] {
        if let held = try await held(descriptor, limit: limit, reading.store) { return held }
        let bytes: [UInt8]
        if let body {
            // It came with the answer that told what the name means, and was counted there.
            reading.registryPulls += 1
            bytes = body
        } else if let inline = descriptor.data {
            bytes = inline
        } else {
            if descriptor.mediaType.isManifest || descriptor.mediaType.isIndex {
                try await fetcher.admit(
                    reading.purpose, to: reading.reference.repository, credential: reading.credential)
            }
            if !descriptor.mediaType.isImageConfig { reading.registryPulls += 1 }
            bytes = try await fetcher.document(
                descriptor, in: reading.reference.repository, limit: limit, credential: reading.credential)
        }
        reading.fetched += 1
        reading.fetchedBytes += Int64(bytes.count)
        try await reading.store.ingest(descriptor) { writer in
            try writer.replace(with: bytes)
        }
        return bytes
    }

    /// A damaged document in the store reads as absent: the store has put it aside, and it comes anew.
    private func held(
        _ descriptor: Descriptor, limit: Int, _ store: any ContentStore
    ) async throws -> [UInt8]? {
        guard try await store.size(of: descriptor.digest) == descriptor.size else { return nil }
        do {
            return try await store.read(descriptor.digest, limit: limit)
        } catch let fault as any Fault where fault.kind == .integrity || fault.kind == .notFound {
            return nil
        }
    }

    private func choose(from index: Index, for request: PullRequest) throws -> Descriptor {
        let wanted = request.platform ?? .host
        if let best = index.candidates(for: wanted).first { return best }
        throw PullingError.noMatchingPlatform(
            request.reference.forPull, wanted: wanted, available: index.platforms)
    }

    private func finish(
        _ manifest: Manifest, _ descriptor: Descriptor, target: Descriptor,
        indexes: [(descriptor: Descriptor, index: Index)], _ request: PullRequest, _ reading: Reading
    ) async throws -> PullPlan {
        let layers = manifest.distinctLayers
        guard layers.count <= PullPlan.maximumLayers else {
            throw PullingError.tooManyLayers(reading.reference, count: layers.count)
        }
        var reading = reading
        if let wanted = request.platform, indexes.isEmpty {
            try await checkPlatform(wanted, manifest, &reading)
        }
        let store = reading.store
        var present = Set<Digest>()
        for layer in layers where try await store.size(of: layer.digest) == layer.size {
            present.insert(layer.digest)
        }
        let configPresent = try await store.size(of: manifest.config.digest) == manifest.config.size
        return PullPlan(
            reference: reading.reference, target: target, indexes: indexes, manifestDescriptor: descriptor,
            manifest: manifest, layers: layers, present: present, configPresent: configPresent,
            fetchedDocuments: reading.fetched, fetchedDocumentBytes: reading.fetchedBytes,
            registryPulls: reading.registryPulls)
    }

    /// Without an index only the config tells the platform. It is read before the layers, so that a wrong one costs
    /// nothing but itself.
    private func checkPlatform(_ wanted: Platform, _ manifest: Manifest, _ reading: inout Reading) async throws {
        guard manifest.config.mediaType.isImageConfig else { return }
        let bytes = try await bytes(of: manifest.config, body: nil, limit: ImageConfig.maximumSize, &reading)
        let config = try ImageConfig.parse(bytes, of: manifest.config.digest, reference: reading.reference)
        guard PlatformMatcher(wanted).rank(config.platform) != nil else {
            throw PullingError.platformMismatch(reading.reference, wanted: wanted, actual: config.platform)
        }
    }
}

extension MediaType {
    /// A config that says what an image is; artifacts bring configs of their own kinds, which are opaque to us.
    var isImageConfig: Bool { self == .ociConfig || self == .dockerConfig }
}

extension ImageConfig {
    static func parse(_ bytes: [UInt8], of digest: Digest, reference: Reference) throws -> ImageConfig {
        do {
            return try ImageConfig(parsing: bytes)
        } catch let error {
            throw PullingError.badDocument(reference, digest, cause: error)
        }
    }
}
