internal import GRDB
public import OCI

extension Schema {
    /// When something was last done that is done now and then.
    static let moments = """
        CREATE TABLE moments (
            name TEXT PRIMARY KEY NOT NULL,
            moment INTEGER NOT NULL, moment_nanos INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}

extension Catalogue {
    /// When `name` was last noted; `nil` for never.
    public func moment(_ name: String) async throws -> Timestamp? {
        try await read { db in
            let sql = "SELECT moment, moment_nanos FROM moments WHERE name = ?"
            return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [name])?.moment(0)
        }
    }

    /// Notes that `name` was done now.
    public func note(_ name: String) async throws {
        let now = now()
        try await write { db in
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO moments VALUES (?, ?, ?)")
                .execute(arguments: [name, now.seconds, now.nanoseconds])
        }
    }
}
