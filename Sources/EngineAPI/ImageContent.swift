internal import Catalogue
internal import OCI
internal import Storage

/// The manifest of an image that a question about "the image" is answered from, with its config.
struct ImageContent: Sendable {
    var descriptor: Descriptor
    /// Lowest first; a digest stands here as often as in the manifest.
    var layers: [Descriptor]
    /// `nil` for artifacts, whose config is something else.
    var config: ImageConfig?
}

extension EngineRoutes {
    /// The image called `name`, as it is for `platform`, or else for this host, or else as it is.
    ///
    /// The content is `nil` when no manifest of it is here: an index says more than was fetched.
    /// - Throws: a ``Fault`` when there is no such image, or none of it for the platform asked for.
    func content(_ name: String, platform: Platform?) async throws -> (image: ImageSummary, content: ImageContent?) {
        let image = try await context.catalogue.resolve(name)
        let entries = try await context.catalogue.manifests(of: image.id)
        let here = entries.filter { $0.available && $0.kind != .attestation }
        var platforms: [Platform?] = []
        for entry in here { platforms.append(try await self.platform(of: entry)) }
        guard let index = preferred(platforms, wanted: platform) else {
            guard let platform else { return (image, nil) }
            throw EngineError.platformNotHere(name, wanted: platform, actual: platforms.compactMap { $0 })
        }
        let chosen = here[index]
        return (
            image,
            ImageContent(descriptor: chosen.descriptor, layers: chosen.layers, config: try await config(of: chosen))
        )
    }

    /// As the index names it, or else the config: a manifest that stands in no index says nothing of its platform.
    func platform(of entry: ManifestEntry) async throws -> Platform? {
        if let platform = entry.descriptor.platform { return platform }
        return try await config(of: entry)?.platform
    }

    private func config(of entry: ManifestEntry) async throws -> ImageConfig? {
        guard entry.available, let config = entry.config,
            config.mediaType == .ociConfig || config.mediaType == .dockerConfig
        else { return nil }
        return try ImageConfig(parsing: try await bytes(of: config.digest))
    }

    /// The catalogue says the blob is here: that it is not is our failure, and no 404.
    private func bytes(of digest: Digest) async throws -> [UInt8] {
        do {
            return try await context.store.read(digest, limit: ImageConfig.maximumSize)
        } catch let fault as any Fault where fault.kind == .notFound {
            throw EngineError.contentMissing(digest)
        }
    }
}

/// Which of several platforms answers for an image; a manifest without platform fits where nothing better does.
///
/// - Parameter wanted: `nil` prefers the host's, and takes the first one if the host has none.
func preferred(_ platforms: [Platform?], wanted: Platform?) -> Int? {
    let matcher = PlatformMatcher(wanted ?? .host, strict: wanted != nil)
    let ranked = platforms.enumerated().compactMap { index, platform in
        platform.flatMap(matcher.rank).map { (index: index, rank: $0) }
    }
    if let best = ranked.min(by: { $0.rank < $1.rank }) { return best.index }
    return wanted == nil ? platforms.indices.first : nil
}

extension Call {
    /// The `platform` parameter as inspect and history take it, a JSON object; `nil` when the client's version has
    /// none.
    /// - Throws: ``EngineError/malformedPlatform(_:)``.
    func platform(since version: APIVersion) throws(EngineError) -> Platform? {
        guard self.version >= version, let text = self["platform"], !text.isEmpty else { return nil }
        return try Call.platform(parsing: text)
    }

    /// A platform as a JSON object.
    /// - Throws: ``EngineError/malformedPlatform(_:)``.
    static func platform(parsing text: String) throws(EngineError) -> Platform {
        do {
            let json = try JSON(parsing: Array(text.utf8))
            guard let os = json["os"]?.string, let architecture = json["architecture"]?.string, !os.isEmpty else {
                throw EngineError.malformedPlatform(text)
            }
            let variant = json["variant"]?.string ?? ""
            return Platform(os: os, architecture: architecture, variant: variant.isEmpty ? nil : variant)
        } catch { throw .malformedPlatform(String(text.prefix(200))) }
    }
}
