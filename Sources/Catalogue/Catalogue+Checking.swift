internal import GRDB
public import OCI

/// What a layer was found to be when it was inflated.
public enum LayerFinding: Sendable, Equatable {
    /// Digest and length in bytes of what is in it.
    case unpacked(diffID: Digest, size: Int64)
    /// It cannot be inflated; carries why.
    case failed(String)
}

/// A layer that nobody has inflated yet.
public struct UncheckedLayer: Sendable, Equatable {
    /// Its place in the order in which layers were recorded.
    public var number: Int64
    public var digest: Digest
    public var mediaType: MediaType
    /// Bytes on disk.
    public var size: Int64
}

/// How far the check of layers is.
public struct CheckTotals: Sendable, Equatable {
    /// Layers that nobody has inflated yet.
    public var uncheckedLayers: Int
    /// Images with a problem.
    public var problems: Int

    public init(uncheckedLayers: Int, problems: Int) {
        self.uncheckedLayers = uncheckedLayers
        self.problems = problems
    }
}

extension Catalogue {
    /// Layers whose content nobody has looked at yet, the longest recorded first.
    /// - Parameter last: only those recorded after the layer with this number.
    public func uncheckedLayers(after last: Int64 = 0, limit: Int) async throws -> [UncheckedLayer] {
        try await read { db in
            let sql = """
                SELECT digest, media_type, size, id FROM blobs
                WHERE \(Self.isUnchecked) AND id > ? ORDER BY id LIMIT ?
                """
            let cursor = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [last, limit])
            var layers: [UncheckedLayer] = []
            while let row = try cursor.next() {
                layers.append(
                    UncheckedLayer(
                        number: try row.integer(3), digest: try row.digest(0), mediaType: MediaType(try row.text(1)),
                        size: try row.integer(2)))
            }
            return layers
        }
    }

    /// Enters what a layer is, for every image that uses it; a layer that is gone meanwhile is no error.
    public func learn(_ layer: Digest, _ finding: LayerFinding) async throws {
        try await write { db in
            let statement = try db.cachedStatement(sql: "SELECT id, unpacked_size FROM blobs WHERE digest = ?")
            guard let row = try Row.fetchOne(statement, arguments: [layer.description]) else { return }
            let id = try row.integer(0)
            switch finding {
            case .failed(let reason):
                try db.cachedStatement(sql: "UPDATE blobs SET check_failure = ? WHERE id = ?")
                    .execute(arguments: [reason, id])
            case .unpacked(let diffID, let size):
                try db.cachedStatement(
                    sql: "UPDATE blobs SET diff_id = ?1, actual_diff_id = ?1, check_failure = NULL WHERE id = ?2"
                ).execute(arguments: [diffID.description, id])
                if try row.optionalInteger(1) == nil { try Ledger(db: db).learn(blob: id, unpackedSize: size) }
            }
        }
    }

    /// The next image that was not judged since its blobs are what they are now, and of which every layer was looked
    /// at; `nil` when there is none.
    /// - Parameter last: only those recorded after the image with this number.
    public func unjudgedImage(after last: Int64 = 0) async throws -> (number: Int64, digest: Digest)? {
        try await read { db in
            let sql = """
                SELECT id, digest FROM images WHERE \(Self.isDue) AND id > ?
                ORDER BY id LIMIT 1
                """
            return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [last]).map { row in
                (number: try row.integer(0), digest: try row.digest(1))
            }
        }
    }

    /// The number of the image that was recorded last; 0 without any.
    public func newestImage() async throws -> Int64 {
        try await read { db in
            try Int64.fetchOne(db.cachedStatement(sql: "SELECT max(id) FROM images")) ?? 0
        }
    }

    /// Those that ``unjudgedImage(after:)`` would find and that use the layer.
    public func unjudgedImages(using layer: Digest) async throws -> [Digest] {
        try await read { db in
            let sql = """
                SELECT images.digest FROM uses AS mine JOIN images ON images.id = mine.image
                WHERE mine.blob = (SELECT id FROM blobs WHERE digest = ?) AND \(Self.isDue)
                ORDER BY images.id
                """
            let cursor = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [layer.description])
            var images: [Digest] = []
            while let row = try cursor.next() { images.append(try row.digest(0)) }
            return images
        }
    }

    /// A blob is a layer that nobody has looked at; in the words of the index that finds such.
    private static let isUnchecked = "role = 'layer' AND actual_diff_id IS NULL AND check_failure IS NULL"
    /// An image is to be judged, and can be.
    private static let isDue = """
        checked = 0 AND NOT EXISTS (
            SELECT 1 FROM uses JOIN blobs ON blobs.id = uses.blob WHERE uses.image = images.id AND \(isUnchecked))
        """

    /// What the image's layers were found to be.
    public func findings(of image: Digest) async throws -> [Digest: LayerFinding] {
        try await read { db in
            let sql = """
                SELECT digest, actual_diff_id, coalesce(unpacked_size, 0), check_failure
                FROM uses JOIN blobs ON blobs.id = blob
                WHERE role = 'layer' AND image = (SELECT id FROM images WHERE digest = ?)
                """
            let cursor = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [image.description])
            var findings: [Digest: LayerFinding] = [:]
            while let row = try cursor.next() {
                if let diffID = try row.optionalDigest(1) {
                    findings[try row.digest(0)] = .unpacked(diffID: diffID, size: try row.integer(2))
                } else if let reason = try row.optionalText(3) {
                    findings[try row.digest(0)] = .failed(reason)
                }
            }
            return findings
        }
    }

    /// Enters whether the image's layers are what its configs say; `problem` is a sentence that says what is not.
    /// - Parameter blobs: how many blobs the image had when it was looked at. If it has others by now, nothing is
    ///   entered, and it comes up again.
    /// - Returns: whether it was entered, and is news.
    @discardableResult
    public func judge(_ image: Digest, problem: String?, blobs: Int) async throws -> Bool {
        try await write { db in
            let before = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT problem FROM images WHERE digest = ?"), arguments: [image.description])
            try db.cachedStatement(
                sql: """
                    UPDATE images SET checked = 1, problem = ? WHERE digest = ?
                        AND (SELECT count(*) FROM uses WHERE image = images.id) = ?
                    """
            ).execute(arguments: [problem, image.description, blobs])
            guard let before, db.changesCount > 0 else { return false }
            return try before.optionalText(0) != problem
        }
    }

    /// What is wrong with the image's layers; `nil` when nothing is, or nobody has looked yet.
    public func problem(of image: Digest) async throws -> String? {
        try await read { db in
            let statement = try db.cachedStatement(sql: "SELECT problem FROM images WHERE digest = ?")
            return try Row.fetchOne(statement, arguments: [image.description])?.optionalText(0)
        }
    }

    /// Every image with a problem, and what it is.
    public func problems() async throws -> [(image: Digest, problem: String)] {
        try await read { db in
            let sql = "SELECT digest, problem FROM images WHERE problem IS NOT NULL ORDER BY id"
            let cursor = try Row.fetchCursor(db.cachedStatement(sql: sql))
            var problems: [(image: Digest, problem: String)] = []
            while let row = try cursor.next() { problems.append((try row.digest(0), try row.text(1))) }
            return problems
        }
    }

    public func checkTotals() async throws -> CheckTotals {
        try await read { db in
            let sql = """
                SELECT (SELECT count(*) FROM blobs WHERE \(Self.isUnchecked)),
                    (SELECT count(*) FROM images WHERE problem IS NOT NULL)
                """
            guard let row = try Row.fetchOne(db.cachedStatement(sql: sql)) else {
                throw Damage(reason: "nothing can be counted")
            }
            return CheckTotals(uncheckedLayers: Int(try row.integer(0)), problems: Int(try row.integer(1)))
        }
    }
}
