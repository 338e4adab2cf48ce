internal import GRDB
public import OCI

/// Which image uses which blob, all of it in one reading: what an eviction decides from.
public struct Sharing: Sendable {
    public struct Blob: Sendable {
        public var digest: Digest
        /// Bytes on disk.
        public var size: Int64
    }

    /// The images, with the places of their blobs in ``blobs``.
    public var images: [(summary: ImageSummary, blobs: [Int])] = []
    public var blobs: [Blob] = []
}

extension Catalogue {
    /// Every image with its blobs.
    public func sharing() async throws -> Sharing {
        try await read { [readers] db in
            var sharing = Sharing()
            var places: [Digest: Int] = [:]
            var used: [Digest: [Int]] = [:]
            let statement = try db.cachedStatement(
                sql: """
                    SELECT images.digest, blobs.digest, blobs.size
                    FROM uses JOIN images ON images.id = image JOIN blobs ON blobs.id = blob
                    """)
            let rows = try Row.fetchCursor(statement)
            while let row = try rows.next() {
                let digest = try row.digest(1)
                let place = places[digest] ?? sharing.blobs.count
                if place == sharing.blobs.count {
                    places[digest] = place
                    sharing.blobs.append(Sharing.Blob(digest: digest, size: try row.integer(2)))
                }
                used[try row.digest(0), default: []].append(place)
            }
            sharing.images = try SummaryReader(db: db, readers: readers).all().map { ($0, used[$0.id] ?? []) }
            return sharing
        }
    }
}
