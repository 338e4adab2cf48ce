public import OCI

/// One blob that an image uses and the store holds.
public struct BlobEntry: Sendable {
    /// What a blob is to its image.
    public enum Role: String, Sendable {
        case index, manifest, config, layer, other
    }

    public var descriptor: Descriptor
    public var role: Role
    /// Digest of the uncompressed bytes, once known.
    public var diffID: Digest?
    /// Length of the uncompressed bytes, once known; entered when it comes, also for a blob recorded before.
    public var unpackedSize: Int64?
    /// The repository it was fetched from, in canonical form (`docker.io/library/alpine`).
    public var source: String?
    /// Fetched with credentials. A blob that came once without them is private no more.
    public var isPrivate: Bool

    public init(
        descriptor: Descriptor, role: Role, diffID: Digest? = nil, source: String? = nil, isPrivate: Bool = false,
        unpackedSize: Int64? = nil
    ) {
        self.descriptor = descriptor
        self.role = role
        self.diffID = diffID
        self.source = source
        self.isPrivate = isPrivate
        self.unpackedSize = unpackedSize
    }
}

/// One manifest that an image names, whether its content is here or not.
public struct ManifestEntry: Sendable {
    /// What a manifest describes.
    public enum Kind: String, Sendable {
        case image, attestation, unknown
    }

    /// As the index lists it, with its platform.
    public var descriptor: Descriptor
    public var kind: Kind
    /// The manifest and everything it names are in the store.
    public var available: Bool
    public var config: Descriptor?
    /// In the manifest's order, the lowest first; a layer that occurs twice is here twice.
    public var layers: [Descriptor]
    /// The manifest that an attestation is about.
    public var attestationFor: Digest?

    public init(
        descriptor: Descriptor, kind: Kind, available: Bool, config: Descriptor? = nil, layers: [Descriptor] = [],
        attestationFor: Digest? = nil
    ) {
        self.descriptor = descriptor
        self.kind = kind
        self.available = available
        self.config = config
        self.layers = layers
        self.attestationFor = attestationFor
    }
}

/// An image as ``Catalogue/record(_:named:)`` takes it.
public struct ImageEntry: Sendable {
    /// The index or manifest that names point to; its digest is the image's ID.
    public var target: Descriptor
    public var manifests: [ManifestEntry]
    /// Every blob of the image that the store holds, indexes, manifests and configs included. A digest that occurs
    /// twice counts once.
    public var blobs: [BlobEntry]
    /// When the image was built, as its config says.
    public var created: Timestamp?
    public var labels: [(key: String, value: String)]

    public init(
        target: Descriptor, manifests: [ManifestEntry], blobs: [BlobEntry], created: Timestamp? = nil,
        labels: [(key: String, value: String)] = []
    ) {
        self.target = target
        self.manifests = manifests
        self.blobs = blobs
        self.created = created
        self.labels = labels
    }
}
