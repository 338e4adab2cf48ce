internal import Coordination
internal import GRDB
internal import Glibc
internal import OCI

/// The database's file: how it is opened, and what its errors mean.
struct CatalogueFile: Sendable {
    /// `nil`: in memory.
    let path: String?
    /// Something in the file made no sense since it was opened.
    let sawDamage = Locked(false)

    init(path: String?) { self.path = path }

    /// Blocks.
    func open() throws -> any DatabaseWriter {
        let database: any DatabaseWriter
        if let path {
            if access(path, F_OK) != 0 { try make(at: path) }
            database = try DatabasePool(path: path, configuration: configuration)
            // After opening, for GRDB ends with NORMAL. That lost acknowledged transactions in a third of the simulated
            // power cuts, FULL in none.
            try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        } else {
            database = try DatabaseQueue(configuration: configuration)
        }
        let migrator = Schema.migrator
        guard try database.read(migrator.hasBeenSuperseded) == false else {
            throw CatalogueError.newer(path: shownPath)
        }
        try migrator.migrate(database)
        return database
    }

    /// Makes an empty catalogue beside, makes it durable once, and gives it its name: each migration of its own would
    /// wait for the disk, and most of the first start with them.
    private func make(at path: String) throws {
        let draft = path + ".making"
        for suffix in ["", "-journal"] { unlink(draft + suffix) }
        let database = try DatabaseQueue(path: draft, configuration: configuration)
        try database.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")
        }
        try Schema.migrator.migrate(database)
        try database.close()
        try Self.sync(draft)
        // A log of a catalogue that is gone is not this one's.
        for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
        guard rename(draft, path) == 0 else { throw Self.refusal(path) }
        try Self.sync(path.lastIndex(of: "/").map { String(path[...$0]) } ?? ".")
    }

    private static func sync(_ path: String) throws {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw refusal(path) }
        defer { Glibc.close(file) }
        guard fsync(file) == 0 else { throw refusal(path) }
    }

    private static func refusal(_ path: String) -> CatalogueError {
        let code = errno
        if code == ENOSPC || code == EDQUOT { return .full(path: path) }
        return .unusable(path: path, reason: String(cString: strerror(code)))
    }

    /// Runs `body` and turns what SQLite and the rows' readers throw into one of ours.
    func faults<Value>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch {
            let fault = fault(error)
            if case CatalogueError.damaged = fault { sawDamage.withLock { $0 = true } }
            throw fault
        }
    }

    private var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "catalogue"
        // Each reader costs its cache and its schema; answers take milliseconds, so two are never a queue.
        configuration.maximumReaderCount = 2
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { [shownPath] db in
            if !db.configuration.readonly { try refuseForeign(db, path: shownPath) }
            for setting in settings { try db.execute(sql: "PRAGMA \(setting)") }
        }
        return configuration
    }

    private func fault(_ error: any Error) -> any Error {
        switch error {
        case is CancellationError, is CatalogueError: error
        case let error as DatabaseError: fault(error)
        case let error as Damage: CatalogueError.damaged(path: shownPath, reason: error.reason)
        case let error as OCIError: CatalogueError.damaged(path: shownPath, reason: error.description)
        case is RowDecodingError:
            CatalogueError.damaged(path: shownPath, reason: "a value is missing or of another type")
        default: CatalogueError.failed(path: shownPath, reason: "\(error)")
        }
    }

    private func fault(_ error: DatabaseError) -> CatalogueError {
        let reason = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        return switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: .damaged(path: shownPath, reason: reason)
        case .SQLITE_FULL: .full(path: shownPath)
        case .SQLITE_BUSY, .SQLITE_LOCKED: .busy(path: shownPath)
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH, .SQLITE_IOERR:
            .unusable(path: shownPath, reason: reason)
        default: .failed(path: shownPath, reason: reason)
        }
    }

    private var shownPath: String { path ?? "in memory" }
}

/// What is in the file and cannot be.
struct Damage: Error {
    let reason: String
}

/// Of every connection. Memory maps turn a disk's fault into a signal; a schema from outside is not trusted; a log that
/// grew under a long reading shrinks to 64 MiB; a list is sorted in memory, where no file system can be full.
private let settings = [
    "cache_size = -1024", "cell_size_check = ON", "journal_size_limit = \(64 << 20)", "mmap_size = 0",
    "temp_store = MEMORY", "trusted_schema = OFF",
]

/// Before anything is written to the file.
private func refuseForeign(_ db: Database, path: String) throws {
    let application = try Int64.fetchOne(db, sql: "PRAGMA application_id")
    guard application != Schema.applicationID else { return }
    // GRDB makes its own table before the first migration: a power cut may come between the two.
    let tables = try Int.fetchOne(
        db,
        sql: "SELECT count(*) FROM sqlite_schema WHERE tbl_name <> 'grdb_migrations' AND name NOT LIKE 'sqlite_%'")
    guard application == 0, tables == 0 else { throw CatalogueError.foreign(path: path) }
}
