internal import Foundation
internal import GRDB
public import OCI

/// A blob that is recorded and whose bytes are not there any more.
public struct LostBlob: Sendable {
    public var descriptor: Descriptor
    public var role: BlobEntry.Role
    /// The repository it was fetched from, in canonical form.
    public var source: String?
    public var isPrivate: Bool
    /// The images that used it, whose sizes it counts in no more.
    public var images: [Descriptor]
}

extension Catalogue {
    /// Every recorded blob with its length in bytes.
    public func blobSizes() async throws -> [Digest: Int64] {
        try await read { db in
            var sizes: [Digest: Int64] = [:]
            let rows = try Row.fetchCursor(db.cachedStatement(sql: "SELECT digest, size FROM blobs"))
            while let row = try rows.next() { sizes[try row.digest(0)] = try row.integer(1) }
            return sizes
        }
    }

    /// Takes out blobs whose bytes are not there any more. Images stay with their names; their manifests that name such
    /// a blob are not available any more, and the sizes are those of what is left.
    /// - Returns: what is known of them, for whoever can bring them again; blobs that were not recorded are left out.
    @discardableResult
    public func lose(_ digests: some Sequence<Digest> & Sendable) async throws -> [LostBlob] {
        try await write { db in try digests.compactMap { try Loss(db: db).take($0.description) } }
    }

    /// Looks through the whole file: for the start after an unclean stop.
    /// - Throws: ``CatalogueError/damaged(path:reason:)``.
    public func check() async throws {
        try await read { db in
            let finding = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
            guard finding == "ok" else { throw Damage(reason: finding ?? "it cannot be checked") }
        }
    }

    /// Puts a catalogue's files out of the way, under names that a person finds; an earlier one there is replaced.
    /// - Throws: what the system says.
    public static func setAside(path: String) throws {
        for suffix in ["", "-wal", "-shm"] {
            let (old, new) = (path + suffix, path + ".damaged" + suffix)
            if FileManager.default.fileExists(atPath: new) { try FileManager.default.removeItem(atPath: new) }
            guard FileManager.default.fileExists(atPath: old) else { continue }
            try FileManager.default.moveItem(atPath: old, toPath: new)
        }
    }
}

/// The steps of losing one blob, in their transaction.
private struct Loss {
    let db: Database

    func take(_ digest: String) throws -> LostBlob? {
        let sql = "SELECT id, media_type, size, role, source, private, users, unpacked_size FROM blobs WHERE digest = ?"
        guard let row = try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [digest]) else { return nil }
        let (id, size) = (try row.integer(0), try row.integer(2))
        let role: BlobEntry.Role = try row.choice(3)
        let images = try images(of: id)
        try shrink(
            blob: id, size: size, isShared: try row.integer(6) > 1, isLayer: role == .layer,
            unpacked: try row.optionalInteger(7))
        try run(
            """
            UPDATE manifests SET available = 0 WHERE image IN (SELECT image FROM uses WHERE blob = ?1)
                AND (digest = ?2 OR instr(coalesce(config, ''), ?2) > 0 OR instr(layers, ?2) > 0)
            """, [id, digest])
        try run("DELETE FROM uses WHERE blob = ?", [id])
        try run("DELETE FROM blobs WHERE id = ?", [id])
        try run("DELETE FROM verifications WHERE digest = ?", [digest])
        return LostBlob(
            descriptor: Descriptor(
                mediaType: MediaType(try row.text(1)), digest: try Digest(parsing: digest), size: size),
            role: role, source: try row.optionalText(4), isPrivate: try row.integer(5) == 1, images: images)
    }

    private func images(of blob: Int64) throws -> [Descriptor] {
        let sql = """
            SELECT digest, media_type, target_size, target FROM images
            WHERE id IN (SELECT image FROM uses WHERE blob = ?)
            """
        var found: [Descriptor] = []
        let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [blob])
        while let row = try rows.next() {
            let plain = Descriptor(
                mediaType: MediaType(try row.text(1)), digest: try row.digest(0), size: try row.integer(2))
            found.append(try row.descriptor(3) ?? plain)
        }
        return found
    }

    /// All who use it go at once, so nobody's share grows or shrinks but by the blob itself.
    private func shrink(blob: Int64, size: Int64, isShared: Bool, isLayer: Bool, unpacked: Int64?) throws {
        try run(
            """
            UPDATE images SET size = size - ?, shared_size = shared_size - ?, unpacked_size = unpacked_size - ?,
                unpacked_missing = unpacked_missing - ?
            WHERE id IN (SELECT image FROM uses WHERE blob = ?)
            """,
            [size, isShared ? size : 0, isLayer ? unpacked ?? 0 : 0, isLayer && unpacked == nil ? 1 : 0, blob])
        try run("UPDATE totals SET layers_size = layers_size - ?, blobs = blobs - 1", [size])
    }

    private func run(_ sql: String, _ arguments: StatementArguments) throws {
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
