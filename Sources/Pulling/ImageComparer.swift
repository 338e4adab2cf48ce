public import Catalogue
public import OCI
public import Registry
public import Storage

/// What the sockets see of comparisons.
public protocol ImageComparing: Sendable {
    /// Compares two images by name, digest or ID. Of one that is not here only the documents are fetched, and kept
    /// nowhere.
    /// - Parameter platform: `nil` is the host's, or what there is.
    /// - Throws: a ``Fault``.
    func compare(
        from: String, to: String, platform: Platform?, credential: Credential?
    ) async throws -> ImageComparison
}

/// Finds the chains of two images, here or at their registries, and compares them.
public struct ImageComparer: ImageComparing {
    private let catalogue: Catalogue
    private let store: any ContentStore
    private let resolver: any Resolver
    private let fetcher: any Fetcher

    public init(catalogue: Catalogue, store: any ContentStore, resolver: any Resolver, fetcher: any Fetcher) {
        self.catalogue = catalogue
        self.store = store
        self.resolver = resolver
        self.fetcher = fetcher
    }

    public func compare(
        from: String, to: String, platform: Platform? = nil, credential: Credential? = nil
    ) async throws -> ImageComparison {
        let old = try await chain(from, platform, credential)
        let new = try await chain(to, platform, credential)
        return ImageComparison(from: old, to: new)
    }

    private func chain(_ name: String, _ platform: Platform?, _ credential: Credential?) async throws -> ImageChain {
        let image: ImageSummary
        do { image = try await catalogue.resolve(name) } catch let error as CatalogueError where error.kind == .notFound
        {
            guard let reference = try? Reference(parsing: name) else { throw error }
            return try await remote(reference.forPull, name, platform, credential)
        }
        let here = try await catalogue.manifests(of: image.id).filter {
            $0.available && $0.kind == .image && $0.config?.mediaType.isImageConfig == true
        }
        let matcher = PlatformMatcher(platform ?? .host)
        var best: (rank: Int, chain: ImageChain)?
        for entry in here {
            guard let config = entry.config else { continue }
            let bytes = try await store.read(config.digest, limit: ImageConfig.maximumSize)
            let parsed = try ImageConfig(parsing: bytes)
            guard
                let rank = matcher.rank(entry.descriptor.platform ?? parsed.platform) ?? (platform == nil ? .max : nil)
            else { continue }
            if let best, best.rank <= rank { continue }
            let manifest = Manifest(config: config, layers: entry.layers)
            let chain = ImageChain(
                name: name, digest: entry.descriptor.digest, manifest: manifest, config: parsed, isHere: true)
            best = (rank, chain)
        }
        guard let best else { throw PullingError.nothingToCompare(name) }
        return best.chain
    }

    /// Reads index, manifest and config, and nothing else.
    private func remote(
        _ reference: Reference, _ name: String, _ platform: Platform?, _ credential: Credential?
    ) async throws -> ImageChain {
        let resolution = try await resolver.resolve(reference, credential: credential)
        var descriptor = resolution.descriptor
        var body = resolution.body
        for _ in 0...PullPlan.maximumNesting {
            let bytes = try await bytes(descriptor, body, Manifest.maximumSize, reference, credential)
            switch try document(bytes, descriptor, reference) {
            case .manifest(let manifest):
                guard manifest.config.mediaType.isImageConfig else { throw PullingError.nothingToCompare(name) }
                let bytes = try await self.bytes(
                    manifest.config, nil, ImageConfig.maximumSize, reference, credential)
                let config = try ImageConfig.parse(bytes, of: manifest.config.digest, reference: reference)
                return ImageChain(
                    name: name, digest: descriptor.digest, manifest: manifest, config: config, isHere: false)
            case .index(let index):
                let wanted = platform ?? .host
                guard let next = index.candidates(for: wanted).first else {
                    throw PullingError.noMatchingPlatform(reference, wanted: wanted, available: index.platforms)
                }
                descriptor = next
                body = nil
            }
        }
        throw PullingError.nestedTooDeep(reference)
    }

    private func document(
        _ bytes: [UInt8], _ descriptor: Descriptor, _ reference: Reference
    ) throws -> ManifestDocument {
        do { return try ManifestDocument(parsing: bytes, mediaType: descriptor.mediaType) } catch {
            throw PullingError.badDocument(reference, descriptor.digest, cause: error)
        }
    }

    private func bytes(
        _ descriptor: Descriptor, _ body: [UInt8]?, _ limit: Int, _ reference: Reference, _ credential: Credential?
    ) async throws -> [UInt8] {
        if let body { return body }
        if try await store.size(of: descriptor.digest) == descriptor.size {
            do { return try await store.read(descriptor.digest, limit: limit) } catch let fault as any Fault
                where fault.kind == .integrity || fault.kind == .notFound
            {}
        }
        return try await fetcher.document(descriptor, in: reference.repository, limit: limit, credential: credential)
    }
}
