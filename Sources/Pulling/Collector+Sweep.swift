internal import Catalogue
public import OCI
public import Storage

/// A store that can be looked through for what nobody needs.
public protocol SweptStore: ContentStore {
    /// All blobs with the time of their last change. A walk.
    func stored() async throws -> [StoredBlob]
    /// The transfers under way or interrupted.
    func ingests() async throws -> [HeldIngest]
    /// Removes an interrupted transfer with its bytes; `false` when a task is filling it.
    @discardableResult
    func dropIngest(_ digest: Digest) async throws -> Bool
}

extension LocalContentStore: SweptStore {}

/// What a sweep found, and removed unless it was dry.
public struct SweepReport: Sendable {
    /// Blobs that no image uses.
    public var blobs: [FreedBlob] = []
    /// Interrupted transfers, with the bytes they held.
    public var ingests: [FreedBlob] = []
    /// Blobs that no image uses and that are in use or in the grace of their age all the same.
    public var left: Int = 0

    public var blobBytes: Int64 { blobs.reduce(0) { $0 + $1.size } }
    public var ingestBytes: Int64 { ingests.reduce(0) { $0 + $1.size } }
}

extension Collector {
    /// Removes what nobody needs and nobody asked to remove: blobs without an image and interrupted transfers, once
    /// they are older than `grace`. Pulls go on meanwhile; what they hold stays whatever its age.
    ///
    /// The grace is for what comes back: a pull that failed in the middle finds its layers when it is tried again. The
    /// machine's clock may jump, so age alone decides nothing that a running pull counts on.
    /// - Parameter dryRun: only tells what would go, to the byte.
    public func sweep(
        _ store: any SweptStore, grace: Duration, dryRun: Bool, now: Timestamp
    ) async throws -> SweepReport {
        var report = SweepReport()
        let oldest = Timestamp(seconds: now.seconds - grace.components.seconds, nanoseconds: now.nanoseconds)
        let stored = try await store.stored()
        let unused = try await unused(of: stored.map(\.digest))
        let stray = stored.filter { unused.contains($0.digest) }
        let old = stray.filter { $0.changed <= oldest }
        if dryRun {
            let free = old.filter { !isHeld($0.digest) }
            report.blobs = free.map { FreedBlob(digest: $0.digest, size: $0.size) }
        } else {
            report.blobs = try await collect(old.map(\.digest)).freed
        }
        report.left = stray.count - report.blobs.count
        for ingest in try await store.ingests() where !ingest.isActive && ingest.lastWritten <= oldest {
            if !dryRun, try await !store.dropIngest(ingest.digest) { continue }
            report.ingests.append(FreedBlob(digest: ingest.digest, size: ingest.bytes))
        }
        return report
    }

    private func unused(of digests: [Digest]) async throws -> Set<Digest> {
        var unused = Set<Digest>()
        for batch in stride(from: 0, to: digests.count, by: 1_000) {
            unused.formUnion(
                try await catalogue.unused(of: Array(digests[batch..<min(batch + 1_000, digests.count)])))
        }
        return unused
    }

    /// Blobs that no image uses and nobody counts on, whatever their age, such as a failed pull leaves: what goes first
    /// when room is wanted. Without those that may be documents, which take little, and of which the mirror may just
    /// have shown one whose image is still to come. A walk.
    func strays() async throws -> [FreedBlob] {
        let blobs = try await store.blobs().filter { $0.size > Self.documentSize && !isHeld($0.digest) }
        let unused = try await unused(of: blobs.map(\.digest))
        return blobs.filter { unused.contains($0.digest) }.map { FreedBlob(digest: $0.digest, size: $0.size) }
    }

    private static let documentSize: Int64 = 64 << 10
}
