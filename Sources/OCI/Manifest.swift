/// One image (or artifact): its config and its layers, lowest first.
///
/// Source: OCI image-spec v1.1.1, `manifest.md`; distribution `manifest-v2-2.md`.
public struct Manifest: Sendable, Hashable {
    /// What the document says it is; OCI documents need not.
    public var mediaType: MediaType?
    /// The image's JSON, or of an artifact whatever it keeps there.
    public var config: Descriptor
    /// In the order in which they are applied; the same layer may occur twice.
    public var layers: [Descriptor]
    /// The manifest this one refers to.
    public var subject: Descriptor?
    /// What the author says of the manifest.
    public var annotations: [String: String]
    /// What kind of artifact this is, if it is one.
    public var artifactType: String?

    /// Longest manifest accepted, in bytes: what registries accept too.
    public static let maximumSize = 4 << 20
    /// Most layers accepted. An engine stacks at most 127; artifacts have been seen with a few hundred.
    static let maximumLayers = 1000

    /// Takes the members as they are.
    public init(
        mediaType: MediaType? = nil, config: Descriptor, layers: [Descriptor], subject: Descriptor? = nil,
        annotations: [String: String] = [:], artifactType: String? = nil
    ) {
        self.mediaType = mediaType
        self.config = config
        self.layers = layers
        self.subject = subject
        self.annotations = annotations
        self.artifactType = artifactType
    }

    init(_ json: JSON, mediaType: MediaType?) throws(OCIError) {
        let document = "manifest"
        guard let config = json["config"], json["layers"] != nil else {
            throw .invalidDocument(document, reason: "it has no config or no layers")
        }
        self.mediaType = mediaType
        self.config = try Descriptor(config, in: document)
        layers = try json.descriptors("layers", limit: Manifest.maximumLayers, in: document)
        subject = try json.optional("subject").map { (value) throws(OCIError) in
            try Descriptor(value, in: document)
        }
        annotations = try json.annotations(in: document)
        artifactType = try json.artifactType(in: document)
        _ = try Descriptor.totalSize(of: [self.config] + layers, in: document)
    }
}

extension JSON {
    func descriptors(_ key: String, limit: Int, in document: String) throws(OCIError) -> [Descriptor] {
        let elements = try optionalArray(key, in: document)
        guard elements.count <= limit else {
            throw .invalidDocument(document, reason: "more than \(limit) \(key)")
        }
        var descriptors: [Descriptor] = []
        descriptors.reserveCapacity(elements.count)
        for element in elements { descriptors.append(try Descriptor(element, in: document)) }
        return descriptors
    }
}
