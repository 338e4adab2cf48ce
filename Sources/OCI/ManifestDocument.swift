/// Any document a manifest URL can answer, judged by its bytes.
///
/// A document that could be taken for two kinds is refused (CVE-2021-41190), as is one that another reader could take
/// for something else: what layerd verified must be what the engine behind it will see.
public enum ManifestDocument: Sendable {
    case manifest(Manifest)
    case index(Index)

    /// - Parameter mediaType: what the `Content-Type` or a descriptor said it is; a generic type says nothing.
    /// - Throws: ``OCIError/schema1`` for schema 1; ``OCIError/invalidJSON(offset:reason:)`` and
    ///   ``OCIError/invalidDocument(_:reason:)`` for what is malformed, mixed, or not what `mediaType` says.
    public init(parsing bytes: [UInt8], mediaType: MediaType?) throws(OCIError) {
        let given = mediaType?.essence
        if given?.isSchema1 == true { throw .schema1 }
        let json = try JSON(parsing: bytes, limits: documentLimits)
        guard json.members != nil else { throw .invalidDocument("manifest", reason: "it is no object") }
        try documentNames.check(json, in: "manifest")
        try ManifestDocument.checkVersion(of: json)
        let stated = try ManifestDocument.statedType(of: json)
        if let given, let stated, !given.isGeneric, given != stated {
            throw .invalidDocument("manifest", reason: "it is \(stated) and was announced as \(given)")
        }
        let type = stated?.essence ?? given
        if json["manifests"] != nil {
            guard json["config"] == nil, json["layers"] == nil else {
                throw .invalidDocument("manifest", reason: "it is manifest and index at once")
            }
            guard type?.isManifest != true else {
                throw .invalidDocument("manifest", reason: "it is announced as \(quoted(type)) and built as an index")
            }
            self = .index(try Index(json, mediaType: stated))
        } else {
            guard type?.isIndex != true else {
                throw .invalidDocument("index", reason: "it is announced as \(quoted(type)) and has no manifests")
            }
            self = .manifest(try Manifest(json, mediaType: stated))
        }
    }

    private static func checkVersion(of json: JSON) throws(OCIError) {
        guard json["fsLayers"] == nil, json["schemaVersion"]?.integer != 1 else { throw .schema1 }
        guard json["schemaVersion"]?.integer == 2 else {
            throw .invalidDocument("manifest", reason: "its schemaVersion is not 2")
        }
    }

    private static func statedType(of json: JSON) throws(OCIError) -> MediaType? {
        guard let text = try json.nonEmptyString("mediaType", in: "manifest") else { return nil }
        guard MediaType.isWellFormed(text) else {
            throw .invalidDocument("manifest", reason: "its media type is malformed")
        }
        let type = MediaType(text)
        if type.essence.isSchema1 { throw .schema1 }
        return type
    }
}

private func quoted(_ type: MediaType?) -> String { quoted(type?.text ?? "") }

/// Real manifests hold below 2000 values and are at most 6 deep.
private let documentLimits: JSON.Limits = {
    var limits = JSON.Limits()
    limits.bytes = Manifest.maximumSize
    limits.depth = 32
    limits.values = 20_000
    return limits
}()

private let documentNames = KnownNames([
    "schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "annotations", "artifactType", "fsLayers",
])
