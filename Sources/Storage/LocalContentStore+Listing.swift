public import OCI

/// A blob's file, as a walk over the store finds it.
public struct StoredBlob: Sendable, Equatable {
    public let digest: Digest
    /// Bytes.
    public let size: Int64
    /// When the file took its name, or anything about it changed since; by the machine's clock.
    public let changed: Timestamp

    public init(digest: Digest, size: Int64, changed: Timestamp) {
        self.digest = digest
        self.size = size
        self.changed = changed
    }
}

extension LocalContentStore {
    /// All blobs with the time of their last change, in no order. A walk over the store: not for hot paths.
    public func stored() async throws -> [StoredBlob] {
        try await labours.run { [layout] in
            var found: [StoredBlob] = []
            try layout.forEachBlob { digest, status in
                let changed = Timestamp(seconds: status.changed.seconds, nanoseconds: status.changed.nanoseconds)
                found.append(StoredBlob(digest: digest, size: status.size, changed: changed))
            }
            return found
        }
    }
}
