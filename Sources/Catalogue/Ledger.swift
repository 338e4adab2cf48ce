internal import GRDB
internal import OCI

/// Keeps the sums that lists show, in the transaction that changes what they sum: `blobs.users`, the images' sizes and
/// `totals`. Counted afresh, a list of 10,000 images would walk 600,000 uses.
///
/// A blob costs its size once. It is shared while two images or more use it; so the step from one user to two, and
/// back, also moves what the *other* image shares. The database refuses sums beyond 64 bits, and shares beyond sizes.
struct Ledger {
    let db: Database

    /// Adds `blobs` to those that `image` uses; what it uses already changes nothing.
    func enter(image: Int64, blobs: [Int64]) throws {
        let added = try Int64.fetchAll(
            db.cachedStatement(
                sql: """
                    INSERT INTO uses (image, blob) SELECT ?, value FROM json_each(?) WHERE true
                    ON CONFLICT DO NOTHING RETURNING blob
                    """), arguments: [image, list(blobs)])
        guard !added.isEmpty else { return }
        try moveShares(of: added, by: 1, except: image)
        try run(
            """
            UPDATE images SET size = images.size + added.size, shared_size = shared_size + added.shared,
                unpacked_size = images.unpacked_size + added.unpacked,
                unpacked_missing = unpacked_missing + added.missing
            FROM (SELECT sum(size) AS size, coalesce(sum(size) FILTER (WHERE users > 0), 0) AS shared,
                    coalesce(sum(unpacked_size) FILTER (WHERE role = 'layer'), 0) AS unpacked,
                    count(*) FILTER (WHERE role = 'layer' AND unpacked_size IS NULL) AS missing
                FROM blobs WHERE id IN (SELECT value FROM json_each(?))) AS added
            WHERE images.id = ?
            """, [list(added), image])
        try moveTotals(of: added, users: 0, by: 1)
        try run("UPDATE blobs SET users = users + 1 WHERE id IN (SELECT value FROM json_each(?))", [list(added)])
    }

    /// Ends all uses of `image`, and removes the blobs it was the last to use. The image's own row is the caller's.
    func leave(image: Int64) throws {
        try leave(
            image: image,
            used: try Int64.fetchAll(
                db.cachedStatement(sql: "SELECT blob FROM uses WHERE image = ?"), arguments: [image]))
    }

    /// Ends the use of some blobs by `image`, which goes on with the others.
    /// - Precondition: it uses them.
    func leave(image: Int64, blobs: [Digest]) throws {
        let digests = "[\(blobs.map { "\"\($0)\"" }.joined(separator: ","))]"
        let used = try Int64.fetchAll(
            db.cachedStatement(sql: "SELECT id FROM blobs WHERE digest IN (SELECT value FROM json_each(?))"),
            arguments: [digests])
        try run(
            """
            UPDATE images SET size = images.size - gone.size, shared_size = shared_size - gone.shared,
                unpacked_size = images.unpacked_size - gone.unpacked, unpacked_missing = unpacked_missing - gone.missing
            FROM (SELECT coalesce(sum(size), 0) AS size, coalesce(sum(size) FILTER (WHERE users > 1), 0) AS shared,
                    coalesce(sum(unpacked_size) FILTER (WHERE role = 'layer'), 0) AS unpacked,
                    count(*) FILTER (WHERE role = 'layer' AND unpacked_size IS NULL) AS missing
                FROM blobs WHERE id IN (SELECT value FROM json_each(?))) AS gone
            WHERE images.id = ?
            """, [list(used), image])
        try leave(image: image, used: used)
    }

    private func leave(image: Int64, used: [Int64]) throws {
        try moveShares(of: used, by: -1, except: image)
        try moveTotals(of: used, users: 1, by: -1)
        try run("DELETE FROM uses WHERE image = ? AND blob IN (SELECT value FROM json_each(?))", [image, list(used)])
        try run("UPDATE blobs SET users = users - 1 WHERE id IN (SELECT value FROM json_each(?))", [list(used)])
        try run("DELETE FROM blobs WHERE users = 0 AND id IN (SELECT value FROM json_each(?))", [list(used)])
    }

    /// Enters a layer's uncompressed length, which was not known before, in the sums of all who use it.
    func learn(blob: Int64, unpackedSize: Int64) throws {
        try run("UPDATE blobs SET unpacked_size = ? WHERE id = ?", [unpackedSize, blob])
        try run(
            """
            UPDATE images SET unpacked_size = unpacked_size + ?, unpacked_missing = unpacked_missing - 1
            WHERE id IN (SELECT image FROM uses WHERE blob = ?)
                AND EXISTS (SELECT 1 FROM blobs WHERE id = ? AND role = 'layer')
            """, [unpackedSize, blob, blob])
    }

    /// `image` comes to blobs that one other image uses (`sign` 1), or goes from blobs that it shares with one other
    /// (-1): that other's share grows or shrinks. `blobs.users` is what it was before either.
    private func moveShares(of blobs: [Int64], by sign: Int64, except image: Int64) throws {
        try run(
            """
            UPDATE images SET shared_size = shared_size + ? * moved.bytes
            FROM (SELECT uses.image AS other, sum(blobs.size) AS bytes
                FROM json_each(?) AS list JOIN blobs ON blobs.id = list.value JOIN uses ON uses.blob = blobs.id
                WHERE blobs.users = ? AND uses.image <> ? GROUP BY uses.image) AS moved
            WHERE images.id = moved.other
            """, [sign, list(blobs), sign > 0 ? 1 : 2, image])
    }

    private func moveTotals(of blobs: [Int64], users: Int, by sign: Int64) throws {
        try run(
            """
            UPDATE totals SET layers_size = layers_size + ? * moved.bytes, blobs = blobs + ? * moved.count
            FROM (SELECT coalesce(sum(size), 0) AS bytes, count(*) AS count
                FROM blobs WHERE users = ? AND id IN (SELECT value FROM json_each(?))) AS moved
            """, [sign, sign, users, list(blobs)])
    }

    private func run(_ sql: String, _ arguments: StatementArguments) throws {
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
    }

    private func list(_ ids: [Int64]) -> String { "[\(ids.map(String.init).joined(separator: ","))]" }
}
