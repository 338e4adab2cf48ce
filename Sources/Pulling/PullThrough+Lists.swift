internal import Catalogue
internal import Coordination
public import OCI
internal import Registry

extension PullThrough {
    /// The tags of a repository, as its registry lists them; when it does not answer, those that are known here.
    /// - Throws: a ``Fault``, or `CancellationError`.
    public func tags(of repository: Repository) async throws -> (tags: [String], source: MirrorSource) {
        guard serves(repository.domain) else { throw PullThroughError.notServed(repository.domain) }
        do {
            let tags = try await patiently(
                listingTags, repository, "tags of \(repository)", patience.document
            ) { [self] in
                _ = try await access(to: repository) { credential in
                    _ = try await registry.tags(of: repository, credential: credential)
                }
                return try await asking(repository) { try await registry.tags(of: repository, credential: nil) }
            }
            tagLists[repository] = tags
            return (tags, .upstream)
        } catch let fault as any Fault where fault.isSilence {
            if let tags = tagLists[repository] { return (tags, .stale) }
            let tags = try await publicNames().filter { $0.repository == repository }.compactMap(\.tag)
            guard !tags.isEmpty else { throw fault }
            return (tags, .stale)
        }
    }

    /// The public repositories of which something is here: those of Docker Hub by their paths, others with their
    /// registry before it.
    public func repositories() async throws -> [String] {
        try await publicNames().map { name in
            name.repository.domain == "docker.io" ? name.repository.path : name.repository.description
        }
    }

    private func publicNames() async throws -> [Reference] {
        try await catalogue.names().filter {
            serves($0.reference.repository.domain) && (servesPrivate || !$0.isPrivate)
        }
        .map(\.reference)
    }

    /// What refers to a manifest, as its registry says; nothing where it keeps no such lists, or does not answer.
    /// - Throws: a ``Fault``, or `CancellationError`.
    public func referrers(
        of digest: Digest, in repository: Repository
    ) async throws -> (entries: [Descriptor], source: MirrorSource) {
        guard serves(repository.domain) else { throw PullThroughError.notServed(repository.domain) }
        let place = Place(repository: repository, digest: digest)
        do {
            let bytes = try await patiently(
                listing, place, "referrers of \(place.text)", patience.blob
            ) { [self] in try await askReferrers(place) }
            lists[place] = bytes
            return (entries(bytes), .upstream)
        } catch let fault as any Fault {
            if let bytes = lists[place] { return (entries(bytes), .stale) }
            let isNothing = [.notFound, .unauthenticated, .forbidden, .integrity].contains(fault.kind)
            guard fault.isSilence || isNothing else { throw fault }
            return ([], isNothing ? .upstream : .stale)
        }
    }

    /// Without the list there may be a tag in its place (distribution-spec v1.1.1, "Referrers Tag Schema").
    private func askReferrers(_ place: Place) async throws -> [UInt8] {
        let repository = place.repository
        _ = try await access(to: repository) { credential in
            _ = try await registry.resolve(place.reference, credential: credential)
        }
        let list = try await asking(repository) {
            try await registry.referrers(of: place.digest, in: repository, credential: nil)
        }
        if let list { return list }
        let tag = "\(place.digest.algorithm.rawValue)-\(place.digest.hex.prefix(64))"
        do {
            let resolution = try await registry.resolve(
                Reference(repository, tag: tag, digest: nil), credential: nil)
            if let body = resolution.body { return body }
            return try await registry.document(
                resolution.descriptor, in: repository, limit: Index.maximumSize, credential: nil)
        } catch let fault as any Fault where fault.kind == .notFound || fault.kind == .unauthenticated {
            return []
        }
    }

    /// What is no index names nothing.
    private func entries(_ bytes: [UInt8]) -> [Descriptor] {
        do {
            guard case .index(let index) = try ManifestDocument(parsing: bytes, mediaType: nil) else { return [] }
            return index.manifests
        } catch { return [] }
    }
}
