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

    /// Notes that anybody may fetch a blob.
    public func makePublic(_ digest: Digest) async throws {
        try await write { db in
            try db.cachedStatement(sql: "UPDATE blobs SET private = 0 WHERE digest = ? AND private = 1")
                .execute(arguments: [digest.description])
        }
    }

    /// Notes that not everybody may fetch some blobs of a repository any more.
    /// - Returns: which those are: others are used by images of other repositories, too.
    public func makePrivate(_ digests: [Digest], in repository: Repository) async throws -> [Digest] {
        try await write { db in
            let statement = try db.cachedStatement(
                sql: """
                    UPDATE blobs SET private = 1 WHERE digest IN (SELECT value FROM json_each(?)) AND NOT EXISTS (
                        SELECT 1 FROM uses JOIN names USING (image) WHERE blob = blobs.id AND repository <> ?)
                    RETURNING digest
                    """)
            return try String.fetchAll(statement, arguments: [jsonList(digests), repository.description]).map {
                try Digest(parsing: $0)
            }
        }
    }

    /// What the registry last said that a tag means, and when, in seconds since 1970; `nil` where it was never asked
    /// for the mirror.
    public func confirmation(of tag: Reference) async throws -> (descriptor: Descriptor, confirmed: Timestamp)? {
        try await read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT digest, media_type, size, confirmed FROM confirmations WHERE name = ?")
            guard let row = try Row.fetchOne(statement, arguments: [tag.description]) else { return nil }
            let descriptor = Descriptor(
                mediaType: MediaType(try row.text(1)), digest: try row.digest(0), size: try row.integer(2))
            return (descriptor, Timestamp(seconds: try row.integer(3)))
        }
    }

    /// Notes what a registry just said of a tag. Of many tags those that were confirmed last are kept.
    public func confirm(_ tag: Reference, means descriptor: Descriptor, at moment: Timestamp) async throws {
        try await write { db in
            try db.cachedStatement(
                sql: """
                    INSERT INTO confirmations (name, digest, media_type, size, confirmed) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, media_type = excluded.media_type,
                        size = excluded.size, confirmed = excluded.confirmed
                    """
            ).execute(arguments: [
                tag.description, descriptor.digest.description, descriptor.mediaType.text, descriptor.size,
                moment.seconds,
            ])
            try db.cachedStatement(
                sql: """
                    DELETE FROM confirmations WHERE (SELECT count(*) FROM confirmations) > 50000
                        AND confirmed <
                            (SELECT confirmed FROM confirmations ORDER BY confirmed DESC LIMIT 1 OFFSET 40000)
                    """
            ).execute()
        }
    }
}
