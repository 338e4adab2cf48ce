internal import GRDB
public import OCI

extension Catalogue {
    /// What removing these images together frees: the bytes of the blobs whose users are all among them. IDs that are
    /// not recorded add nothing.
    ///
    /// Two images that share a layer with each other alone free it only when both are asked for.
    /// - Parameter kept: blobs that stay for another reason.
    public func reclaimable(of ids: Set<Digest>, besides kept: Set<Digest> = []) async throws -> Int64 {
        try await read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT coalesce(sum(size), 0) FROM (
                        SELECT blob, count(*) AS chosen FROM uses WHERE image IN (
                            SELECT id FROM images WHERE digest IN (SELECT value FROM json_each(?)))
                        GROUP BY blob)
                    -- Each blob is looked at once, in the order of the rows.
                    CROSS JOIN blobs ON blobs.id = blob AND chosen = blobs.users
                    WHERE digest NOT IN (SELECT value FROM json_each(?))
                    """)
            return try Int64.fetchOne(statement, arguments: [jsonList(ids), jsonList(kept)]) ?? 0
        }
    }

    /// What removing every image that nobody holds would free: all bytes but those of the blobs of pinned images and of
    /// images that are read now.
    public func reclaimable() async throws -> Int64 {
        try await read { [readers] db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT layers_size - (SELECT coalesce(sum(size), 0) FROM blobs WHERE id IN (
                        SELECT blob FROM uses WHERE image IN (
                            SELECT image FROM names WHERE pinned = 1
                            UNION SELECT id FROM images WHERE digest IN (SELECT value FROM json_each(?)))))
                    FROM totals
                    """)
            return try Int64.fetchOne(statement, arguments: [jsonList(readers.counts(db).keys)]) ?? 0
        }
    }

    /// Those of the digests that no image uses, in their order.
    public func unused(of digests: [Digest]) async throws -> [Digest] {
        let used = try await read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT digest FROM blobs WHERE digest IN (SELECT value FROM json_each(?))")
            return try Set(String.fetchAll(statement, arguments: [jsonList(digests)]))
        }
        return digests.filter { !used.contains($0.description) }
    }

    /// Removes names and images in one transaction: all of it or nothing.
    ///
    /// What is not there any more is no error, as lists are made before. The names go first. An image goes with all
    /// its names, and with the rows of the blobs that no other image uses.
    public func remove(
        names: [Reference] = [], images: some Sequence<Digest>, sparing: Sparing = []
    ) async throws -> Removal {
        let names = names.map(\.forPull)
        var seen = Set<Digest>()
        let images = images.filter { seen.insert($0).inserted }
        return try await write { [readers] db in
            var removing = Removing(db: db, readers: readers, sparing: sparing)
            for name in names { try removing.remove(name) }
            for image in images { try removing.remove(image) }
            return removing.removal
        }
    }
}

/// Which images ``Catalogue/remove(names:images:sparing:)`` leaves although they were given.
public struct Sparing: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Those that have a name left.
    public static let named = Sparing(rawValue: 1)
    /// Those that are pinned or read.
    public static let held = Sparing(rawValue: 2)
}

/// What a removal came to.
public struct Removal: Sendable {
    /// Names that were given and removed, with the IDs of the images they pointed to.
    public var names: [(reference: Reference, image: Digest)] = []
    /// The images that went, as they were before: with the names that went with them.
    public var images: [ImageSummary] = []
    /// Blobs that nobody uses any more, `users` 0: their files may go.
    public var blobs: [BlobUse] = []
    /// Images that were given and spared.
    public var spared: [Digest] = []
}

/// The steps of one removal, in their transaction.
private struct Removing {
    let db: Database
    let readers: Readers
    let sparing: Sparing
    var removal = Removal()

    mutating func remove(_ name: Reference) throws {
        let statement = try db.cachedStatement(
            sql: "DELETE FROM names WHERE name = ? RETURNING (SELECT digest FROM images WHERE id = image)")
        guard let image = try String.fetchOne(statement, arguments: [name.description]) else { return }
        removal.names.append((name, try Digest(parsing: image)))
    }

    mutating func remove(_ id: Digest) throws {
        let reader = SummaryReader(db: db, readers: readers)
        guard let image = try reader.first(where: "digest = ?", [id.description]) else { return }
        let row = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT id FROM images WHERE digest = ?"), arguments: [id.description])
        guard let row else { throw Damage(reason: "an image has no row") }
        guard !sparing.contains(.held) || image.holders == 0, try !sparing.contains(.named) || !isNamed(row) else {
            return removal.spared.append(id)
        }
        removal.blobs += try db.remove(image: row, id)
        removal.images.append(image)
    }

    private func isNamed(_ image: Int64) throws -> Bool {
        let statement = try db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM names WHERE image = ?)")
        return try Int64.fetchOne(statement, arguments: [image]) == 1
    }
}

extension Database {
    /// Removes an image's row and all that is its own; returns the blobs it was the last to use, `users` 0.
    func remove(image: Int64, _ id: Digest) throws -> [BlobUse] {
        var unused = try BlobUse.all(of: id, self).filter { $0.users == 1 }
        for index in unused.indices { unused[index].users = 0 }
        try Ledger(db: self).leave(image: image)
        try cachedStatement(sql: "DELETE FROM images WHERE id = ?").execute(arguments: [image])
        return unused
    }
}

/// As a JSON array, which SQLite takes apart; digests need no escapes.
func jsonList(_ digests: some Sequence<Digest>) -> String {
    "[\(digests.map { "\"\($0)\"" }.joined(separator: ","))]"
}
