public import OCI

/// One image as lists show it. Sizes are bytes on disk, counted as DESIGN §5 says.
public struct ImageSummary: Sendable {
    /// The index or manifest that the image's names point to.
    public var target: Descriptor
    /// The target's digest.
    public var id: Digest { target.digest }
    /// Sorted by canonical text; empty for a dangling image.
    public var tags: [Reference]
    /// `repository@id` for every repository in which the image has a tag or a digest reference, sorted the same way.
    public var digests: [Reference]
    /// When the image was built, as its config says.
    public var created: Timestamp?
    /// When it was first recorded here.
    public var recorded: Timestamp
    /// When one of `tags` was last set, even to what it was.
    public var lastTagged: Timestamp?
    /// In the config's order.
    public var labels: [(key: String, value: String)]
    /// All distinct blobs of all manifests that are here.
    public var size: Int64
    /// Those of them that other images use as well.
    public var sharedSize: Int64
    /// How many pins and readers hold the image.
    public var holders: Int
    /// How many of its names are pinned.
    public var pins: Int
    /// The uncompressed bytes of its distinct layers; `nil` until known of each.
    public var unpackedSize: Int64?
    /// When it was last noted as used (``Catalogue/touch(_:)``), else when it was first recorded.
    public var lastUsed: Timestamp
    /// How often it was noted as used.
    public var uses: Int64
    /// How its layers are not what its config says; `nil` when nothing is wrong, or nobody has looked yet.
    public var problem: String?
}

/// One tag or digest reference.
public struct NameEntry: Sendable, Equatable {
    public var reference: Reference
    /// What it points to.
    public var descriptor: Descriptor
    public var isPinned: Bool
    /// What it points to was only ever fetched with credentials.
    public var isPrivate: Bool
}

/// All that is recorded, in one reading.
public struct StoreTotals: Sendable, Equatable {
    /// Bytes of the distinct blobs of all images.
    public var layersSize: Int64
    public var images: Int
    /// Tags and digest references.
    public var references: Int
    public var blobs: Int
}

/// One blob, and how many images use it.
public struct BlobUse: Sendable, Equatable {
    public var digest: Digest
    public var mediaType: MediaType
    public var role: BlobEntry.Role
    /// Bytes on disk.
    public var size: Int64
    /// Images, not tags.
    public var users: Int
    /// Length of the uncompressed bytes, once known.
    public var unpackedSize: Int64?
    /// Digest of the uncompressed bytes, once known.
    public var diffID: Digest?
}
