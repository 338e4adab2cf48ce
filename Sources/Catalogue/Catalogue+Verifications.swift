internal import GRDB
public import OCI

/// What is recorded of a blob's file: what the file system said of it when it was hashed.
public struct VerifiedFile: Sendable, Hashable {
    /// Bytes.
    public var size: Int64
    public var inode: Int64
    /// The file's ctime.
    public var changed: Timestamp
    /// The machine's boot in which it was hashed.
    public var boot: String

    public init(size: Int64, inode: Int64, changed: Timestamp, boot: String) {
        self.size = size
        self.inode = inode
        self.changed = changed
        self.boot = boot
    }
}

extension Catalogue {
    /// What is recorded of the blob's file; `nil` when it was never verified, or is gone.
    public func verification(of digest: Digest) async throws -> VerifiedFile? {
        try await read { db in
            let sql = "SELECT size, inode, changed, changed_nanos, boot FROM verifications WHERE digest = ?"
            guard let row = try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [digest.description]) else {
                return nil
            }
            return VerifiedFile(
                size: try row.integer(0), inode: try row.integer(1), changed: try row.moment(2), boot: try row.text(4))
        }
    }

    /// Enters verifications and removes others, in one transaction.
    public func update(verified: [Digest: VerifiedFile], removed: Set<Digest>) async throws {
        try await write { db in
            for digest in removed {
                try db.cachedStatement(sql: "DELETE FROM verifications WHERE digest = ?")
                    .execute(arguments: [digest.description])
            }
            let enter = try db.cachedStatement(sql: "INSERT OR REPLACE INTO verifications VALUES (?, ?, ?, ?, ?, ?)")
            for (digest, file) in verified {
                try enter.execute(arguments: [
                    digest.description, file.size, file.inode, file.changed.seconds, file.changed.nanoseconds,
                    file.boot,
                ])
            }
        }
    }
}
