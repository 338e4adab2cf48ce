internal import Coordination
internal import GRDB
public import OCI

extension Catalogue {
    /// Notes that content was used: an image (by its ID or by one of its manifests) or a blob. Costs no I/O: uses are
    /// entered together by ``enterUses()``.
    public func touch(_ digest: Digest) { uses.note(digest, at: now()) }

    /// Enters the uses noted since the last call, in one transaction. To be called now and then, before `lastUsed`
    /// decides something, and before ``close()``, which does it too. A digest that is not recorded is left out.
    public func enterUses() async throws {
        let noted = uses.take()
        guard !noted.isEmpty else { return }
        do {
            try await write { db in
                for (digest, use) in noted { try use.enter(digest, db) }
            }
        } catch {
            uses.putBack(noted)
            throw error
        }
    }
}

/// Uses noted and not entered yet.
final class UseLog: Sendable {
    struct Use: Sendable {
        var count: Int64
        var last: Timestamp

        func enter(_ digest: Digest, _ db: Database) throws {
            try db.cachedStatement(
                sql: """
                    UPDATE images SET uses = uses + ?, last_used = ?, last_used_nanos = ?
                    WHERE digest = ? OR id IN (SELECT image FROM manifests WHERE digest = ?)
                    """
            ).execute(arguments: [count, last.seconds, last.nanoseconds, digest.description, digest.description])
            try db.cachedStatement(
                sql: "UPDATE blobs SET uses = uses + ?, last_used = ?, last_used_nanos = ? WHERE digest = ?"
            ).execute(arguments: [count, last.seconds, last.nanoseconds, digest.description])
        }
    }

    private let noted = Locked<[Digest: Use]>([:])

    func note(_ digest: Digest, at moment: Timestamp) {
        noted.withLock { noted in
            var use = noted[digest] ?? Use(count: 0, last: moment)
            use.count += 1
            use.last = max(use.last, moment)
            noted[digest] = use
        }
    }

    func take() -> [Digest: Use] {
        noted.withLock { noted in
            defer { noted = [:] }
            return noted
        }
    }

    func putBack(_ uses: [Digest: Use]) {
        noted.withLock { noted in
            noted.merge(uses) { newer, older in
                Use(count: newer.count + older.count, last: max(newer.last, older.last))
            }
        }
    }
}
