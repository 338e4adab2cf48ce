internal import Coordination
internal import GRDB
public import OCI

extension Catalogue {
    /// Pins a name: while it is pinned, the image it points to is held, whichever that is. A new pull of the name keeps
    /// the pin; removing the name ends it.
    /// - Returns: whether it was not pinned before.
    /// - Throws: ``CatalogueError/noSuchImage(_:)`` when nothing has this name.
    @discardableResult
    public func pin(_ name: Reference) async throws -> Bool { try await set(pinned: true, name) }

    /// Ends a pin.
    /// - Returns: whether it was pinned before.
    /// - Throws: ``CatalogueError/noSuchImage(_:)`` when nothing has this name.
    @discardableResult
    public func unpin(_ name: Reference) async throws -> Bool { try await set(pinned: false, name) }

    private func set(pinned: Bool, _ name: Reference) async throws -> Bool {
        let name = name.forPull
        return try await write { db in
            let statement = try db.cachedStatement(sql: "SELECT pinned FROM names WHERE name = ?")
            guard let before = try Int64.fetchOne(statement, arguments: [name.description]) else {
                throw CatalogueError.noSuchImage(name.familiar)
            }
            try db.cachedStatement(sql: "UPDATE names SET pinned = ? WHERE name = ?")
                .execute(arguments: [pinned, name.description])
            return (before == 1) != pinned
        }
    }

    /// The tags and digest references that point to an image, sorted by canonical text; none for an ID that is not
    /// recorded.
    public func names(of id: Digest) async throws -> [Reference] {
        try await read { db in
            let sql = "SELECT name FROM names WHERE image = (SELECT id FROM images WHERE digest = ?) ORDER BY name"
            return try String.fetchAll(db.cachedStatement(sql: sql), arguments: [id.description]).map {
                try Reference(parsing: $0)
            }
        }
    }

    /// Counts a reader of an image among its holders until the answer is released: somebody saves or serves it.
    ///
    /// The count lives in memory; a reader does not outlive the process.
    public func reading(_ id: Digest) -> ImageReading { ImageReading(id, readers.images) }

    /// Counts a reader of a blob among the holders of every image that uses it, until the answer is released.
    public func reading(blob: Digest) -> ImageReading { ImageReading(blob, readers.blobs) }
}

/// One who reads an image or a blob, from ``Catalogue/reading(_:)`` until it is released or ``end()`` is called.
public final class ImageReading: Sendable {
    private let id: Digest
    private let readers: Readers.Counts
    private let ended = Locked(false)

    init(_ id: Digest, _ readers: Readers.Counts) {
        self.id = id
        self.readers = readers
        readers.add(id)
    }

    deinit { end() }

    /// Reading is over; a second call changes nothing.
    public func end() {
        let first = ended.withLock { ended in
            defer { ended = true }
            return !ended
        }
        if first { readers.remove(id) }
    }
}

/// Who reads now.
final class Readers: Sendable {
    let images = Counts(), blobs = Counts()

    /// Grows with every change.
    var changes: UInt64 { images.changes &+ blobs.changes }

    /// How many read each image, those counted that read a blob of it.
    func counts(_ db: Database) throws -> [Digest: Int] {
        var counts = images.snapshot
        for (blob, count) in blobs.snapshot {
            let users = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT images.digest FROM blobs JOIN uses ON blob = blobs.id JOIN images ON images.id = image
                        WHERE blobs.digest = ?
                        """), arguments: [blob.description])
            while let row = try users.next() { counts[try row.digest(0), default: 0] += count }
        }
        return counts
    }

    /// How many read each of some things.
    final class Counts: Sendable {
        private let state = Locked((counts: [Digest: Int](), changes: UInt64(0)))

        func add(_ id: Digest) {
            state.withLock { state in
                state.counts[id, default: 0] += 1
                state.changes += 1
            }
        }

        func remove(_ id: Digest) {
            state.withLock { state in
                guard let count = state.counts[id] else { return }
                state.counts[id] = count > 1 ? count - 1 : nil
                state.changes += 1
            }
        }

        var snapshot: [Digest: Int] { state.withLock { $0.counts } }
        var changes: UInt64 { state.withLock { $0.changes } }
    }
}
