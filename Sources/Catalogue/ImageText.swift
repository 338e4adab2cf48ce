internal import Coordination
internal import GRDB
internal import OCI

/// Something written about every image, in the order of ``Catalogue/images()``, that is kept: after a change only the
/// images that it touched are read and written again.
///
/// Of ten thousand images such a text has some megabytes and takes a fraction of a second to make; clients ask for it
/// every second, and users change the store all the time.
public final class ImageText: Sendable {
    /// As it was at one moment.
    public struct Reading: Sendable {
        /// Of the same moment.
        public let totals: StoreTotals
        /// What was written, image after image, in pieces of some hundred images.
        public let pieces: [[UInt8]]
        /// Length of the pieces together.
        public var bytes: Int { pieces.reduce(0) { $0 + $1.count } }
    }

    private struct Kept {
        let stamp: Catalogue.Stamp
        let rows: TextRows
    }

    private let catalogue: Catalogue
    private let write: @Sendable (ImageSummary, inout [UInt8]) -> Void
    private let kept = Locked(Kept?.none)
    private let turn = SlotQueue(total: 1, perKey: 1)

    /// - Parameter write: adds what is written about one image; the same for equal images.
    public init(
        _ catalogue: Catalogue, write: @escaping @Sendable (_ image: ImageSummary, _ text: inout [UInt8]) -> Void
    ) {
        self.catalogue = catalogue
        self.write = write
    }

    /// The text as it is now: with all that was changed before it was asked for.
    public func current() async throws -> Reading {
        if let reading = unchanged() { return reading }
        return try await turn.withSlot(key: "text", lane: 0) {
            // Whoever was here before may have seen the same changes.
            if let reading = unchanged() { return reading }
            // Noted before the catalogue is read: what changes meanwhile makes this old, not wrong.
            let stamp = catalogue.stamp
            let rows = try await catalogue.bring(up: kept.withLock { $0?.rows }, to: write)
            kept.withLock { $0 = Kept(stamp: stamp, rows: rows) }
            return rows.reading
        }
    }

    /// Length of what is kept, in bytes.
    public var bytes: Int { kept.withLock { $0?.rows.reading.bytes } ?? 0 }

    private func unchanged() -> Reading? {
        let stamp = catalogue.stamp
        return kept.withLock { $0?.stamp == stamp ? $0?.rows.reading : nil }
    }
}

extension Catalogue {
    /// What was written at some revision with what changed since, all in one reading.
    fileprivate func bring(
        up kept: TextRows?, to write: @escaping @Sendable (ImageSummary, inout [UInt8]) -> Void
    ) async throws -> TextRows {
        try await read { [readers] db in
            let state = try CatalogueState(db, readers)
            let reader = SummaryReader(db: db, readers: readers)
            var rows = kept ?? TextRows(state: state)
            let changed = try kept.map { try state.changed(since: $0.state, db) }
            // A quarter of all: then reading the list in its order is less work.
            guard let changed, changed.count <= max(SummaryReader.batch, state.totals.images / 4) else {
                rows = TextRows(state: state)
                try reader.batches { rows.append($0, write) }
                return rows
            }
            var stale = Set(changed)
            if state.removals != rows.state.removals {
                let present = try Set(Int64.fetchCursor(db.cachedStatement(sql: "SELECT id FROM images")))
                stale.formUnion(rows.numbers.subtracting(present))
            }
            rows.remove(stale)
            var repositories = RepositoryCache()
            for image in try reader.some(changed, state.reading, &repositories) { rows.insert(image, write) }
            rows.state = state
            return rows
        }
    }
}

/// Which revision a reading saw, and who read images then.
private struct CatalogueState: Sendable {
    let totals: StoreTotals
    let revision: Int64
    let removals: Int64
    let reading: [Digest: Int]

    init(_ db: Database, _ readers: Readers) throws {
        guard let row = try Row.fetchOne(db.cachedStatement(sql: "SELECT revision, removals FROM totals")) else {
            throw Damage(reason: "the totals are missing")
        }
        (revision, removals) = (try row.integer(0), try row.integer(1))
        totals = try StoreTotals(db)
        reading = try readers.counts(db)
    }

    /// Row numbers of the images that came or changed after `earlier`, those with other readers included.
    func changed(since earlier: CatalogueState, _ db: Database) throws -> [Int64] {
        var numbers = try Set(
            Int64.fetchCursor(
                db.cachedStatement(sql: "SELECT id FROM images WHERE revision > ?"), arguments: [earlier.revision]))
        for id in Set(reading.keys).union(earlier.reading.keys) where reading[id] != earlier.reading[id] {
            let statement = try db.cachedStatement(sql: "SELECT id FROM images WHERE digest = ?")
            if let number = try Int64.fetchOne(statement, arguments: [id.description]) { numbers.insert(number) }
        }
        return numbers.sorted()
    }
}

/// The written rows in the order of lists.
private struct TextRows: Sendable {
    /// Where an image stands in a list: newest build first, those without one last.
    private struct Place: Comparable {
        let created: Timestamp?
        let recorded: Int64
        let id: Digest

        init(_ image: ImageSummary) { (created, recorded, id) = (image.created, image.recorded.seconds, image.id) }

        static func < (left: Place, right: Place) -> Bool {
            if left.created != right.created {
                guard let mine = left.created, let other = right.created else { return left.created != nil }
                return mine > other
            }
            return left.recorded == right.recorded ? left.id < right.id : left.recorded > right.recorded
        }
    }

    private struct Piece {
        var rows: [(number: Int64, place: Place, length: Int)] = []
        var text: [UInt8] = []
    }

    var state: CatalogueState
    private var pieces: [Piece] = []

    init(state: CatalogueState) { self.state = state }

    var reading: ImageText.Reading { ImageText.Reading(totals: state.totals, pieces: pieces.map(\.text)) }

    var numbers: Set<Int64> { Set(pieces.lazy.flatMap { $0.rows.lazy.map(\.number) }) }

    /// Adds what comes after all that is here.
    mutating func append(
        _ images: [(row: Int64, image: ImageSummary)], _ write: (ImageSummary, inout [UInt8]) -> Void
    ) {
        var piece = Piece()
        for (number, image) in images {
            let start = piece.text.count
            write(image, &piece.text)
            piece.rows.append((number, Place(image), piece.text.count - start))
        }
        if !piece.rows.isEmpty { pieces.append(piece) }
    }

    mutating func remove(_ numbers: Set<Int64>) {
        guard !numbers.isEmpty else { return }
        for index in pieces.indices where pieces[index].rows.contains(where: { numbers.contains($0.number) }) {
            var (kept, start) = (Piece(), 0)
            for row in pieces[index].rows {
                if !numbers.contains(row.number) {
                    kept.rows.append(row)
                    kept.text += pieces[index].text[start..<start + row.length]
                }
                start += row.length
            }
            pieces[index] = kept
        }
        pieces.removeAll { $0.rows.isEmpty }
    }

    mutating func insert(
        _ image: (row: Int64, image: ImageSummary), _ write: (ImageSummary, inout [UInt8]) -> Void
    ) {
        let place = Place(image.image)
        var text: [UInt8] = []
        write(image.image, &text)
        if pieces.isEmpty { pieces = [Piece()] }
        let index = max(0, pieces.firstPlace(where: { ($0.rows.first?.place ?? place) > place }) - 1)
        let before = pieces[index].rows.firstPlace(where: { $0.place > place })
        let offset = pieces[index].rows[..<before].reduce(0) { $0 + $1.length }
        pieces[index].text.insert(contentsOf: text, at: offset)
        pieces[index].rows.insert((image.row, place, text.count), at: before)
        if pieces[index].rows.count > 2 * SummaryReader.batch { split(index) }
    }

    private mutating func split(_ index: Int) {
        let (whole, half) = (pieces[index], pieces[index].rows.count / 2)
        let offset = whole.rows[..<half].reduce(0) { $0 + $1.length }
        pieces[index] = Piece(rows: Array(whole.rows[..<half]), text: Array(whole.text[..<offset]))
        pieces.insert(Piece(rows: Array(whole.rows[half...]), text: Array(whole.text[offset...])), at: index + 1)
    }
}

extension Array {
    /// The first place from which on `isAfter` holds, of an array in which it does not turn false again.
    fileprivate func firstPlace(where isAfter: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
