public import OCI

/// That a blob's file was hashed and is what its name says, with what the file system said of the file then. While the
/// file system says the same, nobody has changed it through the file system.
public struct Verification: Sendable, Hashable {
    /// Bytes.
    public var size: Int64
    public var inode: Int64
    /// When anything of the file last changed, its name included (`st_ctime`).
    public var changed: Timestamp
    /// The machine's boot in which it was hashed. After another one the page cache is gone, and the disk may tell.
    public var boot: String

    public init(size: Int64, inode: Int64, changed: Timestamp, boot: String) {
        self.size = size
        self.inode = inode
        self.changed = changed
        self.boot = boot
    }

    init(_ status: FileStatus, boot: String) {
        self.init(
            size: status.size, inode: Int64(bitPattern: status.identity.inode),
            changed: Timestamp(seconds: status.changed.seconds, nanoseconds: status.changed.nanoseconds), boot: boot)
    }
}

/// Remembers verifications from one start to the next: the catalogue's part, which this room cannot see.
public protocol BlobRecords: Sendable {
    func verification(of digest: Digest) async throws -> Verification?
    /// Enters some and removes others, in one step.
    func update(verified: [Digest: Verification], removed: Set<Digest>) async throws
}
