internal import Coordination
public import OCI
public import Storage

/// A hold on blobs, for as long as somebody counts on them: a pull that was told "it is here", a save on its way from
/// one blob to the next, a load. What is held is not removed, whoever removes images meanwhile.
///
/// Lives in memory: the state directory belongs to one process, and nothing that counted on a blob outlives it. From
/// ``Collector/lease()``; to be ended by ``end()``. One that is dropped instead gives its holds back too, and what was
/// to be removed meanwhile goes with the next collection.
public final class Lease: Sendable {
    private let collector: Collector
    private let held = Locked<Set<Digest>>([])

    init(_ collector: Collector) { self.collector = collector }

    deinit { _ = giveBack() }

    /// Puts a blob under the lease, whether it is here or not. If it is being removed just now, waits until it is gone.
    ///
    /// To be called *before* the store is asked whether it has the blob; ``store(_:)`` does so by itself.
    /// - Throws: `CancellationError`.
    public func hold(_ digest: Digest) async throws {
        while held.withLock({ !$0.contains(digest) }) {
            let wait = Wait<Void>()
            guard collector.table.withLock({ $0.hold(digest, orWait: wait) }) else {
                try await wait.value()
                continue
            }
            // Another task of the same lease may have held it meanwhile: once is enough.
            let isNew = held.withLock { $0.insert(digest).inserted }
            if !isNew { _ = collector.table.withLock { $0.release([digest]) } }
        }
    }

    /// The store, with every blob that is asked for put under this lease first.
    public func store(_ base: any ContentStore) -> any ContentStore { LeasedStore(base: base, lease: self) }

    /// Gives the holds back, and removes what was to be removed meanwhile and nobody needs.
    /// - Throws: what the removal failed of; the holds are given back all the same.
    public func end() async throws {
        let due = giveBack()
        if !due.isEmpty { try await collector.collect(due) }
    }

    private func giveBack() -> [Digest] {
        let digests = held.withLock { held in
            defer { held = [] }
            return held
        }
        return collector.table.withLock { $0.release(digests) }
    }
}

/// A content store that puts under a lease whatever it is asked for.
private struct LeasedStore: ContentStore {
    let base: any ContentStore
    let lease: Lease

    func size(of digest: Digest) async throws -> Int64? {
        try await lease.hold(digest)
        return try await base.size(of: digest)
    }

    func ingest(
        _ descriptor: Descriptor, from source: String?, fill: @Sendable (any BlobWriter) async throws -> Void
    ) async throws -> IngestOutcome {
        try await lease.hold(descriptor.digest)
        return try await base.ingest(descriptor, from: source, fill: fill)
    }

    func read(_ digest: Digest, limit: Int) async throws -> [UInt8] {
        try await lease.hold(digest)
        return try await base.read(digest, limit: limit)
    }

    func open(_ digest: Digest) async throws -> BlobFile {
        try await lease.hold(digest)
        return try await base.open(digest)
    }

    func concluded(_ digest: Digest, _ file: BlobFile, actual: Digest) async throws {
        try await base.concluded(digest, file, actual: actual)
    }

    func reserve(_ blobs: [Descriptor]) async throws -> SpaceReservation { try await base.reserve(blobs) }

    func remove(_ digest: Digest) async throws { try await base.remove(digest) }

    func blobs() async throws -> [(digest: Digest, size: Int64)] { try await base.blobs() }

    func blobBytes() async throws -> Int64 { try await base.blobBytes() }
}
