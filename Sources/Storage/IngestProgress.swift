internal import Coordination

/// How far an ingest is, for those who read its file while it grows.
public struct IngestProgress: Sendable, Equatable {
    /// What becomes of an ingest.
    public enum Phase: Sendable, Equatable {
        /// Bytes may come.
        case filling
        /// The blob shows under its name.
        case stored
        /// The ingest ended without a blob; another may go on with the bytes.
        case ended
    }

    /// Bytes in the file from the first one on, without a gap. They are not verified before the phase is `stored`.
    public var prefix: Int64
    /// How often all bytes were dropped: those read under an earlier count may have been others.
    public var restarts: Int
    public var phase: Phase
    /// What became of the bytes that each restart dropped, the first one's first.
    public var repeated: [Repeated]

    /// What is known of bytes that were dropped.
    public enum Repeated: Sendable, Equatable {
        case unknown
        /// So many, counted from the first, have come again as they were.
        case same(Int64)
        /// Others came in their place.
        case other
    }

    public init(prefix: Int64, restarts: Int, phase: Phase, repeated: [Repeated] = []) {
        self.prefix = prefix
        self.restarts = restarts
        self.phase = phase
        self.repeated = repeated
    }
}

extension IngestWriter {
    /// How far it is now.
    var progress: IngestProgress { state.withLock { $0.progress } }

    /// Calls `body` at every change from now on, from any thread and without any lock held: it must neither wait nor
    /// be slow. Changes close to one another may be told in another order; the further one holds.
    /// - Returns: how far it is now, and the token for ``unwatch(_:)``.
    func watch(_ body: @escaping @Sendable (IngestProgress) -> Void) -> (now: IngestProgress, token: UInt64) {
        state.withLock { state in
            state.lastWatcher += 1
            state.watchers[state.lastWatcher] = body
            return (state.progress, state.lastWatcher)
        }
    }

    func unwatch(_ token: UInt64) {
        state.withLock { $0.watchers[token] = nil }
    }

    /// Says how it ended, and lets the watchers go.
    func end(_ phase: IngestProgress.Phase) {
        state.withLock { $0.phase = phase }
        tell()
        state.withLock { $0.watchers = [:] }
    }

    func tell() {
        let told: (IngestProgress, [@Sendable (IngestProgress) -> Void])? = state.withLock { state in
            state.watchers.isEmpty ? nil : (state.progress, Array(state.watchers.values))
        }
        guard let (progress, watchers) = told else { return }
        for watcher in watchers { watcher(progress) }
    }
}

extension IngestWriter.State {
    fileprivate var progress: IngestProgress {
        IngestProgress(prefix: extents.prefix, restarts: generation, phase: phase, repeated: repetition.verdicts)
    }
}
