import FoundationEssentials
import GRDB
import OCI
import Testing

@testable import Catalogue

private let clock = StoppedClock()

@Suite struct `A catalogue on disk` {
    @Test func `has everything when it is opened again`() async throws {
        try await withCatalogueFile { path in
            let first = try await Catalogue.open(path: path, now: clock.now)
            let shared = layer(10, size: 50, unpackedSize: 99)
            try await first.record(image(1, created: 3, blobs: [shared]), named: references("a:1", "b"))
            try await first.record(image(2, blobs: [shared]), named: references("c@\(digest(2))"))
            let before = try await everything(in: first)
            try await first.close()
            let second = try await Catalogue.open(path: path, now: clock.now)
            #expect(try await everything(in: second) == before)
            try await second.close()
        }
    }

    @Test func `has every change on disk when the call returns`() async throws {
        try await withCatalogueFile { path in
            let first = try await Catalogue.open(path: path, now: clock.now)
            try await first.record(image(1), named: references("a:1"))
            let copy = path + ".copy"
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix)
            }
            let second = try await Catalogue.open(path: copy, now: clock.now)
            #expect(try await second.image(named: Reference(parsing: "a:1"))?.id == digest(1))
            try await second.close()
            try await first.close()
        }
    }

    @Test(arguments: [
        ("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1"), ("trusted_schema", "0"),
        ("mmap_size", "0"), ("cell_size_check", "1"), ("journal_size_limit", "\(64 << 20)"), ("busy_timeout", "5000"),
    ])
    func `is written with the settings that lose nothing`(setting: String, value: String) async throws {
        try await withCatalogueFile { path in
            let catalogue = try await Catalogue.open(path: path, now: clock.now)
            #expect(try await catalogue.write { try String.fetchOne($0, sql: "PRAGMA \(setting)") } == value)
            try await catalogue.close()
        }
    }

    /// GRDB makes its own table first, in a transaction of its own; a power cut between the two is no foreign database.
    @Test func `is made whole when its making was cut short`() async throws {
        try await withCatalogueFile { path in
            let queue = try DatabaseQueue(path: path)
            try await queue.write { try $0.execute(sql: "CREATE TABLE grdb_migrations (identifier TEXT PRIMARY KEY)") }
            try queue.close()
            let catalogue = try await Catalogue.open(path: path, now: clock.now)
            try await catalogue.record(image(1), named: [])
            #expect(try await catalogue.images().count == 1)
            try await catalogue.close()
        }
    }

    @Test func `is one file once it is closed`() async throws {
        try await withCatalogueFile { path in
            let catalogue = try await Catalogue.open(path: path, now: clock.now)
            try await catalogue.record(image(1), named: [])
            #expect(try await catalogue.images().count == 1)
            try await catalogue.close()
            #expect(["-wal", "-shm"].filter { FileManager.default.fileExists(atPath: path + $0) } == [])
        }
    }

    @Test func `has strict tables only`() async throws {
        let catalogue = try await emptyCatalogue()
        let lax = try await catalogue.read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0
                        AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'grdb_%'
                    """)
        }
        #expect(lax == [])
    }

    @Test func `refuses to answer once it is closed`() async throws {
        try await withCatalogueFile { path in
            let catalogue = try await Catalogue.open(path: path, now: clock.now)
            try await catalogue.close()
            await #expect(throws: CatalogueError.self) { try await catalogue.images() }
            await #expect(throws: CatalogueError.self) { try await catalogue.record(image(1), named: []) }
        }
    }

    private func everything(in catalogue: Catalogue) async throws -> [String] {
        var all = try await catalogue.images().map { String(describing: $0) }
        for number in [1, 2] {
            all += try await catalogue.blobs(of: digest(number)).map { String(describing: $0) }
            all += try await catalogue.manifests(of: digest(number)).map { String(describing: $0) }
        }
        all.append(String(describing: try await catalogue.totals()))
        return all + (try await catalogue.names().map { String(describing: $0) })
    }
}

@Suite struct `Opening` {
    @Test(arguments: [100, 10_000])
    func `a file that is no database says which and what to do`(count: Int) async throws {
        try await withCatalogueFile { path in
            try write([UInt8](repeating: 0x41, count: count), to: path)
            let error = await #expect(throws: CatalogueError.self) {
                try await Catalogue.open(path: path, now: clock.now)
            }
            guard case .damaged(path, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.description.contains("move it away") == true)
            #expect(error?.kind == .integrity)
            #expect(FileManager.default.contents(atPath: path)?.count == count, "the file was changed")
        }
    }

    @Test func `a catalogue with a torn schema says that it is damaged`() async throws {
        try await withCatalogueFile { path in
            try await Catalogue.open(path: path, now: clock.now).close()
            var bytes = [UInt8](try #require(FileManager.default.contents(atPath: path)))
            for index in 100..<4096 { bytes[index] = 0xff }
            try write(bytes, to: path)
            let error = await #expect(throws: CatalogueError.self) {
                try await Catalogue.open(path: path, now: clock.now)
            }
            #expect(error?.kind == .integrity)
        }
    }

    @Test func `another program's database is refused and left as it is`() async throws {
        try await withCatalogueFile { path in
            let other = try DatabaseQueue(path: path)
            try await other.write { try $0.execute(sql: "CREATE TABLE songs (title TEXT)") }
            try other.close()
            let before = FileManager.default.contents(atPath: path)
            await #expect(throws: CatalogueError.foreign(path: path)) {
                try await Catalogue.open(path: path, now: clock.now)
            }
            #expect(FileManager.default.contents(atPath: path) == before)
        }
    }

    @Test func `a catalogue of a newer layerd is refused`() async throws {
        try await withCatalogueFile { path in
            let catalogue = try await Catalogue.open(path: path, now: clock.now)
            try await catalogue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('2: later')") }
            try await catalogue.close()
            await #expect(throws: CatalogueError.newer(path: path)) {
                try await Catalogue.open(path: path, now: clock.now)
            }
        }
    }

    @Test func `a file in no directory says so`() async throws {
        try await withCatalogueFile { path in
            let error = await #expect(throws: CatalogueError.self) {
                try await Catalogue.open(path: path + "/x/catalog.sqlite", now: clock.now)
            }
            guard case .unusable = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }
}

@Suite struct `A damaged row` {
    @Test(arguments: [
        "UPDATE images SET digest = 'sha256:zz'", "UPDATE images SET labels = '{\"a\": 1}'",
        "UPDATE images SET labels = '{'", "UPDATE images SET created = 1, created_nanos = NULL",
        "UPDATE images SET recorded_nanos = -1", "UPDATE images SET target = '[]'",
        "UPDATE names SET repository = 'A'",
    ])
    func `is an error that names the file, never a trap`(damage: String) async throws {
        let catalogue = try await emptyCatalogue()
        try await catalogue.record(image(1), named: references("a:1"))
        try await catalogue.write { try $0.execute(sql: damage) }
        let error = await #expect(throws: CatalogueError.self) { try await catalogue.images() }
        guard case .damaged(path: "in memory", _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
