/// Manifests of one image by platform; or any list of manifests and indexes.
///
/// Source: OCI image-spec v1.1.1, `image-index.md`; distribution `manifest-v2-2.md`, "Manifest List".
public struct Index: Sendable, Hashable {
    /// What the document says it is; OCI documents need not.
    public var mediaType: MediaType?
    /// In order of preference among those that match a platform equally.
    public var manifests: [Descriptor]
    /// What the author says of the index.
    public var annotations: [String: String]
    /// The manifest this one refers to.
    public var subject: Descriptor?

    /// Longest index accepted, in bytes: what registries accept too.
    public static let maximumSize = 4 << 20
    /// Most entries accepted. The longest official image has below 50.
    static let maximumEntries = 1000

    /// Takes the members as they are.
    public init(
        mediaType: MediaType? = nil, manifests: [Descriptor], annotations: [String: String] = [:],
        subject: Descriptor? = nil
    ) {
        self.mediaType = mediaType
        self.manifests = manifests
        self.annotations = annotations
        self.subject = subject
    }

    init(_ json: JSON, mediaType: MediaType?) throws(OCIError) {
        let document = "index"
        self.mediaType = mediaType
        manifests = try json.descriptors("manifests", limit: Index.maximumEntries, in: document)
        subject = try json.optional("subject").map { (value) throws(OCIError) in
            try Descriptor(value, in: document)
        }
        annotations = try json.annotations(in: document)
        _ = try json.artifactType(in: document)
        _ = try Descriptor.totalSize(of: manifests, in: document)
    }

    /// The entries that can hold the image for `wanted`, best first, in index order among equals; entries without a
    /// platform come last, for only their config can tell. Attestations, artifacts and unknown types are left out; an
    /// index within the index is left in, and is to be searched in its turn.
    public func candidates(for wanted: Platform) -> [Descriptor] {
        let matcher = PlatformMatcher(wanted)
        var ranked: [(rank: Int, place: Int)] = []
        for (place, entry) in manifests.enumerated() where entry.isImageEntry {
            guard let platform = entry.platform else {
                ranked.append((Int.max, place))
                continue
            }
            if let rank = matcher.rank(platform) { ranked.append((rank, place)) }
        }
        return ranked.sorted { $0 < $1 }.map { manifests[$0.place] }
    }

    /// The platforms of the image entries, normalised, each once, in index order.
    public var platforms: [Platform] {
        var seen: Set<Platform> = []
        return manifests.filter(\.isImageEntry).compactMap { $0.platform?.normalized }
            .filter { seen.insert($0).inserted }
    }
}

extension Descriptor {
    /// The digest of the image manifest that this entry of an index attests something of.
    public var attestationSubject: Digest? {
        guard isAttestation else { return nil }
        return annotations["vnd.docker.reference.digest"].flatMap { (text) in
            do { return try Digest(parsing: text) } catch { return nil }
        }
    }

    /// An entry of an index that attests something of an image beside it, in BuildKit's manner.
    public var isAttestation: Bool {
        annotations["vnd.docker.reference.type"] == "attestation-manifest" || platform?.isUnknown == true
    }

    /// An entry of an index that is an image, or an index of images.
    var isImageEntry: Bool {
        (mediaType.isManifest || mediaType.isIndex) && !isAttestation && (artifactType == nil || platform != nil)
    }
}
