public import OCI

/// A transfer in progress or interrupted.
public struct HeldIngest: Sendable, Equatable {
    public let digest: Digest
    /// Bytes held, and bytes of the whole blob.
    public let bytes: Int64, total: Int64
    /// A task is filling it now.
    public let isActive: Bool
    /// When its file was last written to, by the machine's clock.
    public let lastWritten: Timestamp
}
