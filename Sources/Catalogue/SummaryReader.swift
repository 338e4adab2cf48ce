internal import GRDB
internal import OCI

/// Reads images with their names, a few hundred at a time however many there are.
struct SummaryReader {
    let db: Database
    let readers: Readers
    /// As many as are read by one query: what is held of a list at a time.
    static let batch = 256

    /// Newest `created` first, those without one last: to SQLite NULL is the least.
    func all() throws -> [ImageSummary] {
        var summaries: [ImageSummary] = []
        try each { summaries.append($0) }
        return summaries
    }

    /// The same, one after the other.
    func each(_ body: (ImageSummary) throws -> Void) throws {
        try batches { for (_, image) in $0 { try body(image) } }
    }

    /// The same, ``batch`` by ``batch``, with the numbers of their rows.
    func batches(_ body: ([(row: Int64, image: ImageSummary)]) throws -> Void) throws {
        let sql = "SELECT id FROM images ORDER BY created DESC, created_nanos DESC, recorded DESC, digest"
        let rows = try Int64.fetchAll(db.cachedStatement(sql: sql))
        let reading = try readers.counts(db)
        var repositories = RepositoryCache()
        for start in stride(from: 0, to: rows.count, by: Self.batch) {
            try body(some(rows[start..<min(start + Self.batch, rows.count)], reading, &repositories))
        }
    }

    /// The images with these row numbers, in that order; those that are not there are left out.
    func some(
        _ rows: some Collection<Int64>, _ reading: [Digest: Int], _ repositories: inout RepositoryCache
    ) throws -> [(row: Int64, image: ImageSummary)] {
        let list = "[\(rows.map(String.init).joined(separator: ","))]"
        var named: [Int64: Names] = [:]
        let chosen = " IN (SELECT value FROM json_each(?))"
        let names = try Row.fetchCursor(
            db.cachedStatement(sql: "\(namesQuery) WHERE image\(chosen) ORDER BY name"), arguments: [list])
        while let row = try names.next() { try named[row.integer(0), default: Names()].add(row, &repositories) }
        var found: [Int64: ImageSummary] = [:]
        let images = try Row.fetchCursor(
            db.cachedStatement(sql: "\(imagesQuery) WHERE id\(chosen)"), arguments: [list])
        while let row = try images.next() {
            let id = try row.integer(0)
            found[id] = try summary(row, named[id] ?? Names(), reading)
        }
        return rows.compactMap { row in found[row].map { (row, $0) } }
    }

    /// The image that `condition`, a term of SQL on `images`, is true of; the first of several.
    func first(where condition: String, _ arguments: StatementArguments) throws -> ImageSummary? {
        let statement = try db.cachedStatement(sql: "\(imagesQuery) WHERE \(condition) LIMIT 1")
        guard let row = try Row.fetchOne(statement, arguments: arguments) else { return nil }
        var names = Names()
        var repositories = RepositoryCache()
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: namesQuery + " WHERE image = ? ORDER BY name"), arguments: [row.integer(0)])
        while let row = try rows.next() { try names.add(row, &repositories) }
        return try summary(row, names, try readers.counts(db))
    }

    /// The image of a digest reference or a tag; the digest counts where there are both.
    func named(_ reference: Reference) throws -> ImageSummary? {
        let reference = reference.forPull
        guard let digest = reference.digest else {
            return try first(where: "id = (SELECT image FROM names WHERE name = ?)", [reference.description])
        }
        return try first(
            where: "digest = ? AND EXISTS (SELECT 1 FROM names WHERE image = images.id AND repository = ?)",
            [digest.description, reference.repository.description])
    }

    private func summary(_ row: Row, _ names: Names, _ reading: [Digest: Int]) throws -> ImageSummary {
        let digest = try row.digest(1)
        let plain = Descriptor(mediaType: MediaType(try row.text(2)), digest: digest, size: try row.integer(3))
        return ImageSummary(
            target: try row.descriptor(4) ?? plain, tags: names.tags, digests: names.digests(of: digest),
            created: try row.optionalMoment(5), recorded: try row.moment(8), lastTagged: names.lastTagged,
            labels: try labels(row), size: try row.integer(10), sharedSize: try row.integer(11),
            holders: names.pins + reading[digest, default: 0], pins: names.pins,
            unpackedSize: try row.integer(13) == 0 ? try row.integer(12) : nil,
            lastUsed: try row.optionalMoment(14) ?? row.moment(8), uses: try row.integer(16),
            problem: try row.optionalText(17))
    }

    private func labels(_ row: Row) throws -> [(key: String, value: String)] {
        guard let members = try row.json(7)?.members else { return [] }
        return try members.map { member in
            guard let value = member.value.string else { throw Damage(reason: "a label is no text") }
            return (member.key, value)
        }
    }
}

/// Repositories parsed in one reading: names are many, repositories few.
struct RepositoryCache {
    private var parsed: [String: Repository] = [:]

    mutating func repository(_ text: String) throws -> Repository {
        if let known = parsed[text] { return known }
        let repository = try Repository(parsing: text)
        parsed[text] = repository
        return repository
    }
}

/// What one image is called.
private struct Names {
    var tags: [Reference] = []
    var lastTagged: Timestamp?
    var pins = 0
    private var repositories: [Repository] = []

    /// Rows come in the order of their canonical text, so `tags` is sorted by it.
    mutating func add(_ row: Row, _ known: inout RepositoryCache) throws {
        let repository = try known.repository(row.text(1))
        if try row.integer(5) == 1 { pins += 1 }
        if let tag = try row.optionalText(2) {
            tags.append(Reference(repository, tag: tag, digest: nil))
            lastTagged = max(try row.moment(3), lastTagged ?? Timestamp(seconds: .min))
        }
        // "a-b:1" comes before "a:1" and "a:2", so equal repositories are together within the tags only.
        if !repositories.contains(repository) { repositories.append(repository) }
    }

    func digests(of id: Digest) -> [Reference] {
        let references = repositories.map { Reference($0, tag: nil, digest: id) }
        guard references.count > 1 else { return references }
        return references.map { ($0.description, $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}

private let imagesQuery = """
    SELECT id, digest, media_type, target_size, target, created, created_nanos, labels, recorded, recorded_nanos, size,
        shared_size, unpacked_size, unpacked_missing, last_used, last_used_nanos, uses, problem
    FROM images
    """
private let namesQuery = "SELECT image, repository, tag, updated, updated_nanos, pinned FROM names"
