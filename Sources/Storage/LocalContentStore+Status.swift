internal import Coordination
public import OCI
internal import SystemPackage

extension LocalContentStore {
    /// The transfers that are in progress or were interrupted, by digest. What lies beside them is left out.
    public func ingests() async throws -> [HeldIngest] {
        let held = try await labours.run { [layout] in
            var held: [(IngestState, Int64, FileStatus.Instant)] = []
            for directory in try layout.ingests() {
                if let found = try directory.held() { held.append((found.state, found.extents.total, found.written)) }
            }
            return held
        }
        let active = active.withLock { $0 }.mapValues(\.held)
        return held.map { state, bytes, written in
            HeldIngest(
                digest: state.digest, bytes: active[state.digest] ?? bytes, total: state.size,
                isActive: active[state.digest] != nil,
                lastWritten: Timestamp(seconds: written.seconds, nanoseconds: written.nanoseconds))
        }.sorted { $0.digest < $1.digest }
    }

    /// Removes an interrupted transfer with its bytes. One that a task is filling stays.
    /// - Returns: whether none is left.
    @discardableResult
    public func dropIngest(_ digest: Digest) async throws -> Bool {
        guard active.withLock({ $0[digest] }) == nil else { return false }
        return try await turns.withSlot(key: digest.description, lane: 0) {
            try await labours.run { [layout] in try layout.ingest(digest).discard() }
            return true
        }
    }

    /// What blobs, transfers and quarantine take. A walk over all files: not for hot paths.
    public func usage() async throws -> StoreUsage {
        try await labours.run { [layout] in
            StoreUsage(
                blobs: try StoreUsage.Part(of: layout.blobs), ingest: try StoreUsage.Part(of: layout.ingest),
                quarantine: try StoreUsage.Part(of: layout.quarantine))
        }
    }
}

extension StoreUsage.Part {
    fileprivate init(of directory: FilePath) throws {
        var part = StoreUsage.Part()
        try FileTree.visit(directory) { status in
            part.logical += status.size
            part.physical += status.allocated
        }
        self = part
    }
}
