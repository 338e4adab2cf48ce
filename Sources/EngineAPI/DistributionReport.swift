internal import OCI
internal import Registry
internal import Serving

/// `GET /distribution/{name}/json`: what a name means at its registry, and for which platforms there is something.
/// Nothing is pulled.
extension EngineRoutes {
    func distribution(_ call: Call) async throws -> Reply {
        guard !Self.isImageID(call.name) else { return .message(500, "no manifest found for full image ID") }
        let reference = try Reference(parsing: call.name)
        let credential = Credential(registryAuth: call.headers.first("X-Registry-Auth"))
        do {
            return .json(try await report(reference.forPull, credential))
        } catch let error as RegistryError {
            // dockerd passes the registry's own words on here, and has no 404 for what may be private.
            if case .notFound(_, let detail) = error.reason { return .message(404, detail) }
            guard error.kind == .unauthenticated else { throw error }
            return .message(500, error.description)
        }
    }

    private func report(_ reference: Reference, _ credential: Credential?) async throws -> JSON {
        let resolution = try await context.registry.resolve(reference, credential: credential)
        let descriptor = resolution.descriptor
        let bytes =
            if let body = resolution.body { body } else {
                try await context.registry.document(
                    descriptor, in: reference.repository, limit: Manifest.maximumSize, credential: credential)
            }
        let platforms: [JSON]? =
            switch try ManifestDocument(parsing: bytes, mediaType: descriptor.mediaType) {
            case .index(let index): index.manifests.compactMap(\.platform).map(Self.platform)
            case .manifest(let manifest) where descriptor.mediaType == .dockerManifest:
                try await configured(manifest, reference.repository, credential)
            // dockerd does not look into the config of an OCI manifest.
            case .manifest: nil
            }
        return [
            "Descriptor": [
                "mediaType": .string(descriptor.mediaType.text), "digest": .string(descriptor.digest.description),
                "size": .integer(descriptor.size),
            ],
            "Platforms": platforms.map(JSON.array) ?? .null,
        ]
    }

    private func configured(
        _ manifest: Manifest, _ repository: Repository, _ credential: Credential?
    ) async throws -> [JSON]? {
        let bytes = try await context.registry.document(
            manifest.config, in: repository, limit: ImageConfig.maximumSize, credential: credential)
        let config = try JSON(parsing: bytes)
        guard config["os"]?.string != nil || config["architecture"]?.string != nil else { return nil }
        return [Self.platform { config[$0] }]
    }

    private static func platform(_ platform: Platform) -> JSON {
        self.platform { key in
            switch key {
            case "architecture": .string(platform.architecture)
            case "os": .string(platform.os)
            case "os.version": platform.osVersion.map(JSON.string)
            case "variant": platform.variant.map(JSON.string)
            default: JSON.strings(platform.osFeatures).when(!platform.osFeatures.isEmpty)
            }
        }
    }

    /// In Go's order, what is empty left out but for the first two.
    private static func platform(_ value: (String) -> JSON?) -> JSON {
        .object(
            ["architecture", "os", "os.version", "os.features", "variant"].compactMap { key in
                let found = value(key).flatMap { $0.when(!$0.isEmptyValue) }
                let fallback = JSON.string("").when(["architecture", "os"].contains(key))
                return (found ?? fallback).map { JSON.Member(key, $0) }
            })
    }

    /// 64 hex digits, perhaps behind the algorithm.
    private static func isImageID(_ name: String) -> Bool {
        let digits = name.hasPrefix("sha256:") ? name.dropFirst(7) : name[...]
        return digits.utf8.count == 64 && digits.allSatisfy(\.isHexDigit)
    }
}
