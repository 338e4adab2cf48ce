/// Names content by type, digest and length, and may say more about it.
///
/// Source: OCI image-spec v1.1.1, `descriptor.md`.
public struct Descriptor: Sendable, Hashable {
    /// What the content is; any well-formed type.
    public var mediaType: MediaType
    /// Hash of the content.
    public var digest: Digest
    /// Length of the content in bytes.
    public var size: Int64
    /// What the image runs on; in an index's entries only.
    public var platform: Platform?
    /// What the author of the descriptor says of the content.
    public var annotations: [String: String]
    /// What kind of artifact the manifest is, if it is one.
    public var artifactType: String?
    /// Other places to fetch from; layerd keeps and passes them on, and never follows them.
    public var urls: [String]
    /// The content itself, not checked against `digest`.
    public var data: [UInt8]?

    /// Takes the members as they are.
    public init(
        mediaType: MediaType, digest: Digest, size: Int64, platform: Platform? = nil,
        annotations: [String: String] = [:], artifactType: String? = nil, urls: [String] = [], data: [UInt8]? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.platform = platform
        self.annotations = annotations
        self.artifactType = artifactType
        self.urls = urls
        self.data = data
    }

    /// Reads a descriptor; `document` names the text it stands in, for messages.
    /// - Throws: ``OCIError/invalidDocument(_:reason:)`` for a missing or malformed member, a negative size, inline
    ///   data of another length, or a name that differs from a specified one in case only.
    public init(_ json: JSON, in document: String) throws(OCIError) {
        guard json.members != nil else { throw .invalidDocument(document, reason: "a descriptor is no object") }
        try descriptorNames.check(json, in: document)
        guard let type = try json.optionalString("mediaType", in: document), MediaType.isWellFormed(type) else {
            throw .invalidDocument(document, reason: "a descriptor has no media type, or a malformed one")
        }
        guard let text = try json.optionalString("digest", in: document) else {
            throw .invalidDocument(document, reason: "a descriptor has no digest")
        }
        digest = try Descriptor.digest(text, in: document)
        guard let size = json["size"]?.integer, size >= 0 else {
            throw .invalidDocument(document, reason: "the size of \(digest) is no whole number of bytes")
        }
        mediaType = MediaType(type)
        self.size = size
        platform = try json.optional("platform").flatMap { (value) throws(OCIError) in
            try Platform(value, in: document)
        }
        annotations = try json.annotations(in: document)
        artifactType = try json.artifactType(in: document)
        urls = try json.optionalStrings("urls", in: document)
        data = try Descriptor.data(of: json, size: size, in: document)
    }

    /// The members that are set, in the order in which the specification's Go types write them.
    public var json: JSON {
        var members: [JSON.Member] = [
            JSON.Member("mediaType", .string(mediaType.text)),
            JSON.Member("digest", .string(digest.description)),
            JSON.Member("size", .integer(size)),
        ]
        if !urls.isEmpty { members.append(JSON.Member("urls", .array(urls.map(JSON.string)))) }
        if !annotations.isEmpty { members.append(JSON.Member("annotations", .sorted(annotations))) }
        if let data { members.append(JSON.Member("data", .string(Base64.encode(data)))) }
        if let platform { members.append(JSON.Member("platform", platform.json)) }
        if let artifactType { members.append(JSON.Member("artifactType", .string(artifactType))) }
        return .object(members)
    }

    /// Adds up sizes.
    /// - Throws: ``OCIError/invalidDocument(_:reason:)`` when the sum does not fit 64 bits.
    public static func totalSize(
        of descriptors: some Sequence<Descriptor>, in document: String
    ) throws(OCIError) -> Int64 {
        var total: Int64 = 0
        for descriptor in descriptors {
            let (sum, overflow) = total.addingReportingOverflow(descriptor.size)
            guard !overflow else {
                throw .invalidDocument(document, reason: "its sizes add up to more than 64 bits hold")
            }
            total = sum
        }
        return total
    }

    private static func digest(_ text: String, in document: String) throws(OCIError) -> Digest {
        do { return try Digest(parsing: text) } catch {
            throw .invalidDocument(document, reason: error.description)
        }
    }

    private static func data(of json: JSON, size: Int64, in document: String) throws(OCIError) -> [UInt8]? {
        guard let text = try json.optionalString("data", in: document) else { return nil }
        guard let data = Base64.decode(text), Int64(data.count) == size else {
            throw .invalidDocument(document, reason: "inline data is no base64 or not as long as its size says")
        }
        return data
    }
}

private let descriptorNames = KnownNames([
    "mediaType", "digest", "size", "platform", "annotations", "artifactType", "urls", "data",
])
private let platformNames = KnownNames([
    "os", "architecture", "variant", "os.version", "os.features", "features",
])

extension Platform {
    /// `nil` for a platform that names neither system nor architecture, as some tools write where they know none.
    init?(_ json: JSON, in document: String) throws(OCIError) {
        guard json.members != nil else { throw .invalidDocument(document, reason: "a platform is no object") }
        try platformNames.check(json, in: document)
        self.init(
            os: try json.optionalString("os", in: document) ?? "",
            architecture: try json.optionalString("architecture", in: document) ?? "",
            variant: try json.nonEmptyString("variant", in: document),
            osVersion: try json.nonEmptyString("os.version", in: document),
            osFeatures: try json.optionalStrings("os.features", in: document))
        if os.isEmpty && architecture.isEmpty { return nil }
    }

    /// The members that are set, in the order in which the specification's Go types write them.
    public var json: JSON {
        var members = [
            JSON.Member("architecture", .string(architecture)), JSON.Member("os", .string(os)),
        ]
        if let osVersion { members.append(JSON.Member("os.version", .string(osVersion))) }
        if !osFeatures.isEmpty { members.append(JSON.Member("os.features", .array(osFeatures.map(JSON.string)))) }
        if let variant { members.append(JSON.Member("variant", .string(variant))) }
        return .object(members)
    }
}

extension JSON {
    /// An object of strings in the order of their names, as Go writes maps.
    public static func sorted(_ strings: [String: String]) -> JSON {
        .object(
            strings.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { Member($0.key, .string($0.value)) })
    }

    func nonEmptyString(_ key: String, in document: String) throws(OCIError) -> String? {
        guard let text = try optionalString(key, in: document), !text.isEmpty else { return nil }
        return text
    }

    func artifactType(in document: String) throws(OCIError) -> String? {
        guard let type = try nonEmptyString("artifactType", in: document) else { return nil }
        guard MediaType.isWellFormed(type) else {
            throw .invalidDocument(document, reason: "the artifact type \(quoted(type)) is no media type")
        }
        return type
    }
}
