// Catalogue: which names point to which content, which image uses which blob, and what sharing saves; in SQLite. The
// only room that imports GRDB. It knows nothing of the blobs' files and of networks: who calls `record` has made the
// blobs durable before.

internal import Coordination
internal import Foundation
internal import GRDB
public import OCI

/// The images that are here, their names and blobs, in one SQLite file.
///
/// Every change is one transaction, on disk when the call returns. There is one writer; readers see the state before a
/// change or after it. Calls wait on GRDB's queues and never hold a thread of the cooperative pool.
///
/// Besides the errors that a member names, each throws a ``CatalogueError`` when the file fails (`damaged`, `full`,
/// `unusable`, `busy`, `failed`), and `CancellationError`.
public final class Catalogue: Sendable {
    private let database: any DatabaseWriter
    let file: CatalogueFile
    let now: @Sendable () -> Timestamp
    let readers = Readers()
    private let writes = Locked(UInt64(0))
    let uses = UseLog()

    private init(_ database: any DatabaseWriter, file: CatalogueFile, now: @escaping @Sendable () -> Timestamp) {
        self.database = database
        self.file = file
        self.now = now
    }

    /// Opens the catalogue at `path`, which is made when it does not exist (its directory must); in memory for `nil`.
    ///
    /// Nothing is walked or checked beyond the schema, so this is fast whatever the catalogue's size.
    /// - Parameter now: dates what is recorded.
    /// - Throws: ``CatalogueError``: `damaged`, `foreign`, `newer`, `unusable`, `busy`.
    public static func open(path: String?, now: @escaping @Sendable () -> Timestamp) async throws -> Catalogue {
        let file = CatalogueFile(path: path)
        let database = try await file.faults { try await besidePool { try file.open() } }
        return Catalogue(database, file: file, now: now)
    }

    /// Something in the file made no sense since it was opened: the next start should look through all of it.
    public var hasSeenDamage: Bool { file.sawDamage.withLock { $0 } }

    /// Ends all use of the file, when those at it are done; later calls fail.
    public func close() async throws {
        let entered: Result<Void, any Error>
        do { entered = .success(try await enterUses()) } catch { entered = .failure(error) }
        try await file.faults { [database] in
            try await besidePool {
                // The readers first: only a writer that leaves last empties the log into the file.
                (database as? DatabasePool)?.releaseMemory()
                try database.close()
            }
        }
        try entered.get()
    }

    /// A state of all that is recorded, readers included. While it is the same, so is every answer.
    public struct Stamp: Sendable, Equatable {
        fileprivate let writes: UInt64, readers: UInt64
    }

    /// Of now. What was read after this was asked for, and is kept with it, is current as long as it does not change.
    public var stamp: Stamp { Stamp(writes: writes.withLock { $0 }, readers: readers.changes) }

    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await file.faults { [database] in try await database.read(body) }
    }

    /// Runs `body` in a transaction, which is undone when it throws.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        // Also when it fails: an error may come after the commit.
        defer { writes.withLock { $0 += 1 } }
        return try await file.faults { [database] in try await database.write(body) }
    }
}

/// GRDB opens and closes by blocking calls; the cooperative pool has few threads, so those wait on one of Dispatch's.
private func besidePool<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result(catching: work)) }
    }
}
