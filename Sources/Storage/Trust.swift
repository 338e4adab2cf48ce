internal import Coordination
internal import OCI

/// How far a blob's file may be taken for what its name says.
enum TrustLevel: Sendable, Equatable {
    /// Hashed since the machine's boot, and unchanged.
    case verified
    /// Hashed in an earlier boot, and unchanged as far as the file system knows: what its disk made of it is unknown.
    case recorded
    /// Put there by nobody we know of, changed since, or written shortly before an unclean stop.
    case unknown
}

/// What is known of the blobs' files. Of changes the records are told some time later, in one go: a verification that
/// is lost with them costs one more hash, and is exactly that of a blob that was written shortly before a crash.
final class Trust: Sendable {
    private struct State {
        var records: (any BlobRecords)?
        var known: [Digest: Verification] = [:]
        /// Not in the records yet, and in the records no more.
        var fresh: Set<Digest> = []
        var removed: Set<Digest> = []
        /// Files that last changed then are in doubt, but for those that were hashed since.
        var suspects: ClosedRange<Int64>?
        var cleared: Set<Digest> = []

        func isSuspect(_ digest: Digest, _ status: FileStatus) -> Bool {
            suspects?.contains(status.changed.seconds) == true && !cleared.contains(digest)
        }
    }

    let boot: String
    private let state = Locked(State())

    init(boot: String) { self.boot = boot }

    /// - Parameter suspects: when files changed that are in doubt, in seconds.
    func use(_ records: any BlobRecords, suspects: ClosedRange<Int64>?) {
        state.withLock { ($0.records, $0.suspects) = (records, suspects) }
    }

    func level(of digest: Digest, _ status: FileStatus) async throws -> TrustLevel {
        let (known, records, isSuspect) = state.withLock { state in
            (state.known[digest], state.removed.contains(digest) ? nil : state.records, state.isSuspect(digest, status))
        }
        if isSuspect { return .unknown }
        let found: Verification?
        if let known { found = known } else { found = try await records?.verification(of: digest) }
        guard let found, found == Verification(status, boot: found.boot) else { return .unknown }
        return found.boot == boot ? .verified : .recorded
    }

    /// The file was hashed and is what its name says.
    func note(_ digest: Digest, _ status: FileStatus) {
        let verification = Verification(status, boot: boot)
        state.withLock { state in
            if state.suspects != nil { state.cleared.insert(digest) }
            state.removed.remove(digest)
            guard state.known.updateValue(verification, forKey: digest) != verification else { return }
            state.fresh.insert(digest)
        }
    }

    /// The file is gone, or not what it was.
    func forget(_ digest: Digest) {
        state.withLock { state in
            state.known[digest] = nil
            state.fresh.remove(digest)
            state.cleared.remove(digest)
            state.removed.insert(digest)
        }
    }

    /// Tells the records what is new to them. What they refuse is told again at the next call.
    func flush() async throws {
        let (records, verified, removed) = state.withLock { state in
            defer { (state.fresh, state.removed) = state.records == nil ? (state.fresh, state.removed) : ([], []) }
            return (state.records, state.known.filter { state.fresh.contains($0.key) }, state.removed)
        }
        guard let records, !verified.isEmpty || !removed.isEmpty else { return }
        do {
            try await records.update(verified: verified, removed: removed)
        } catch {
            state.withLock { state in
                state.fresh.formUnion(verified.keys.filter { state.known[$0] != nil })
                state.removed.formUnion(removed.filter { state.known[$0] == nil })
            }
            throw error
        }
        // What the records have need not be kept twice.
        state.withLock { state in
            for digest in verified.keys where !state.fresh.contains(digest) { state.known[digest] = nil }
        }
    }
}
