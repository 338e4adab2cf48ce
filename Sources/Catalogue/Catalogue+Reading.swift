internal import GRDB
public import OCI

extension Catalogue {
    /// Every image, dangling ones included: newest `created` first, those without one last.
    public func images() async throws -> [ImageSummary] {
        try await read { [readers] db in try SummaryReader(db: db, readers: readers).all() }
    }

    /// Goes through every image in the order of ``images()`` without holding them all; `body` adds to what is made.
    public func reduceImages<Value: Sendable>(
        into value: Value, _ body: @escaping @Sendable (inout Value, ImageSummary) throws -> Void
    ) async throws -> Value {
        try await read { [readers] db in
            var value = value
            try SummaryReader(db: db, readers: readers).each { try body(&value, $0) }
            return value
        }
    }

    /// The image with that ID.
    public func image(_ id: Digest) async throws -> ImageSummary? {
        try await read { [readers] db in
            try SummaryReader(db: db, readers: readers).first(where: "digest = ?", [id.description])
        }
    }

    /// The image that has exactly this tag (`latest` where none is written), or that `repository@digest` stands for.
    public func image(named reference: Reference) async throws -> ImageSummary? {
        try await read { [readers] db in try SummaryReader(db: db, readers: readers).named(reference) }
    }

    /// What the image's index lists, in its order, or its one manifest; empty for an ID that is not recorded.
    public func manifests(of id: Digest) async throws -> [ManifestEntry] {
        try await read { db in try ManifestEntry.all(of: id, db) }
    }

    /// The image's distinct blobs that are here, in the order they were first recorded in; empty for an ID that is not.
    public func blobs(of id: Digest) async throws -> [BlobUse] {
        try await read { db in try BlobUse.all(of: id, db) }
    }

    /// The next blobs in the order in which they were recorded; none at the end. For those who go through all of them
    /// without holding all. In any other order each would be a look-up of its own.
    /// - Parameter last: what the page before ended with; 0 at the beginning.
    public func blobs(after last: Int64, count: Int) async throws -> (blobs: [BlobUse], last: Int64) {
        try await read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT \(BlobUse.columns), id FROM blobs WHERE id > ? ORDER BY id LIMIT ?")
            var page: (blobs: [BlobUse], last: Int64) = ([], last)
            let cursor = try Row.fetchCursor(statement, arguments: [last, count])
            while let row = try cursor.next() {
                page.blobs.append(try BlobUse(row))
                page.last = try row.integer(7)
            }
            return page
        }
    }

    /// Sums over all images, in one reading.
    public func totals() async throws -> StoreTotals { try await read { try StoreTotals($0) } }

    /// Every tag and digest reference with what it points to, sorted by canonical text: the content of `index.json`.
    public func names() async throws -> [NameEntry] {
        try await read { db in
            let sql = """
                SELECT repository, images.digest, images.media_type, target_size, target, tag, pinned,
                    coalesce(blobs.private, 0)
                FROM names JOIN images ON images.id = image LEFT JOIN blobs ON blobs.digest = images.digest
                ORDER BY name
                """
            var repositories = RepositoryCache()
            return try Row.fetchCursor(db.cachedStatement(sql: sql)).mapArray { row in
                let plain = Descriptor(
                    mediaType: MediaType(try row.text(2)), digest: try row.digest(1), size: try row.integer(3))
                let tag = try row.optionalText(5)
                let reference = Reference(
                    try repositories.repository(row.text(0)), tag: tag, digest: tag == nil ? plain.digest : nil)
                return NameEntry(
                    reference: reference, descriptor: try row.descriptor(4) ?? plain,
                    isPinned: try row.integer(6) == 1, isPrivate: try row.integer(7) == 1)
            }
        }
    }
}

extension StoreTotals {
    init(_ db: Database) throws {
        let sql = """
            SELECT layers_size, blobs, (SELECT count(*) FROM images), (SELECT count(*) FROM names) FROM totals
            """
        guard let row = try Row.fetchOne(db.cachedStatement(sql: sql)) else {
            throw Damage(reason: "the totals are missing")
        }
        self.init(
            layersSize: try row.integer(0), images: Int(try row.integer(2)), references: Int(try row.integer(3)),
            blobs: Int(try row.integer(1)))
    }
}

extension ManifestEntry {
    static func all(of image: Digest, _ db: Database) throws -> [ManifestEntry] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT descriptor, kind, available, config, layers, attestation_for FROM manifests
                WHERE image = (SELECT id FROM images WHERE digest = ?) ORDER BY position, id
                """)
        return try Row.fetchCursor(statement, arguments: [image.description]).mapArray { try ManifestEntry($0) }
    }

    fileprivate init(_ row: Row) throws {
        guard let descriptor = try row.descriptor(0), let layers = try row.json(4)?.array else {
            throw Damage(reason: "a manifest has no descriptor or no list of layers")
        }
        self.init(
            descriptor: descriptor, kind: try row.choice(1), available: try row.integer(2) == 1,
            config: try row.descriptor(3), layers: try layers.map { try Descriptor($0, in: "catalogue") },
            attestationFor: try row.optionalDigest(5))
    }
}

extension BlobUse {
    static func all(of image: Digest, _ db: Database) throws -> [BlobUse] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(columns) FROM uses JOIN blobs ON blobs.id = blob
                WHERE image = (SELECT id FROM images WHERE digest = ?) ORDER BY blobs.id
                """)
        return try Row.fetchCursor(statement, arguments: [image.description]).mapArray { try BlobUse($0) }
    }

    static let columns = "digest, media_type, role, size, users, unpacked_size, diff_id"

    init(_ row: Row) throws {
        self.init(
            digest: try row.digest(0), mediaType: MediaType(try row.text(1)), role: try row.choice(2),
            size: try row.integer(3), users: Int(try row.integer(4)), unpackedSize: try row.optionalInteger(5),
            diffID: try row.optionalDigest(6))
    }
}

extension Cursor {
    /// `Array(cursor.map(…))` keeps rows beyond their step, which GRDB re-uses.
    fileprivate func mapArray<Value>(_ transform: (Element) throws -> Value) throws -> [Value] {
        var values: [Value] = []
        while let element = try next() { values.append(try transform(element)) }
        return values
    }
}
