internal import GRDB
public import OCI

extension Catalogue {
    /// Whether a recorded blob was only ever fetched with credentials; `nil` for one that is not recorded.
    public func isPrivate(_ digest: Digest) async throws -> Bool? {
        try await read { db in
            let statement = try db.cachedStatement(sql: "SELECT private FROM blobs WHERE digest = ?")
            return try Int64.fetchOne(statement, arguments: [digest.description]).map { $0 != 0 }
        }
    }
}
