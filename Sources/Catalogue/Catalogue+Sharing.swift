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
    ///
    /// Read in three scans: a look-up of the image and the blob for each of a million uses takes many times as long.
    public func sharing() async throws -> Sharing {
        try await read { [readers] db in
            let (rows, blobs) = try usedBlobs(db)
            var places = try usedPlaces(db, in: rows)
            var sharing = Sharing(blobs: blobs)
            try SummaryReader(db: db, readers: readers).batches { batch in
                for (row, summary) in batch {
                    sharing.images.append((summary, places.removeValue(forKey: row) ?? []))
                }
            }
            return sharing
        }
    }
}

/// The blobs that images use, and the numbers of their rows, both in the order of these.
private func usedBlobs(_ db: Database) throws -> (rows: [Int64], blobs: [Sharing.Blob]) {
    var rows: [Int64] = []
    var blobs: [Sharing.Blob] = []
    let statement = try db.cachedStatement(sql: "SELECT id, digest, size FROM blobs WHERE users > 0 ORDER BY id")
    let cursor = try Row.fetchCursor(statement)
    while let row = try cursor.next() {
        rows.append(try row.integer(0))
        blobs.append(Sharing.Blob(digest: try row.digest(1), size: try row.integer(2)))
    }
    return (rows, blobs)
}

/// For the row of each image, where its blobs are in `rows`, which ascends.
private func usedPlaces(_ db: Database, in rows: [Int64]) throws -> [Int64: [Int]] {
    var places: [Int64: [Int]] = [:]
    let cursor = try Row.fetchCursor(db.cachedStatement(sql: "SELECT image, blob FROM uses ORDER BY image, blob"))
    while let row = try cursor.next() {
        guard let place = position(of: try row.integer(1), in: rows) else {
            throw Damage(reason: "an image uses a blob that has no row, or no users")
        }
        places[try row.integer(0), default: []].append(place)
    }
    return places
}

/// Where the number is among others that ascend.
private func position(of number: Int64, in numbers: [Int64]) -> Int? {
    var (low, high) = (0, numbers.count)
    while low < high {
        let middle = low + (high - low) / 2
        if numbers[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low < numbers.count && numbers[low] == number ? low : nil
}
