internal import Coordination
internal import Hashing
internal import OCI

/// Writes and hashes one ingest's bytes, which may come in several places at once.
///
/// What comes at the end of what is hashed is hashed right before it is written, while the processor's cache has it;
/// what comes ahead of that is read back and hashed once the gap before it has closed (`IngestWriter+Behind.swift`).
final class IngestWriter: BlobWriter {
    /// When what is held is noted for a later process: how many bytes may go missing in a kill and in a power cut.
    struct Pace: Sendable {
        /// Bytes between two notes of a file that is filled in several places; fewer are noted after a while.
        var journal: Int64 = 8 << 20
        var journalSoon: Int64 = 256 << 10
        var journalInterval: Duration = .milliseconds(20)
        /// Bytes, and the time, between two syncs of an unfinished file.
        var sync: Int64 = 16 << 20
        var syncInterval: Duration = .seconds(1)
    }

    let digest: Digest
    /// Of the whole blob, in bytes.
    let size: Int64
    /// Where the bytes come from, for the notes.
    let source: String?
    let file: OpenFile
    let directory: IngestDirectory
    let observer: StepObserver
    let pace: Pace
    let labours: DiskThreads
    let state: Locked<State>
    /// Whether it was noted that the file's length says nothing. Held while a note is written, by threads that may
    /// wait: notes are written one at a time, and none takes that word back.
    let notes: Locked<Bool>
    /// Takes what is appended without a stretch being named.
    private let main = Locked<IngestStretch?>(nil)

    struct State {
        var digester: Digester
        /// Bytes from the first one on that the digester has seen.
        var hashed: Int64
        /// Bytes in the file.
        var extents: Extents
        /// Those of them that survive a power cut.
        var synced: Extents
        /// Bytes in the file when that was last noted, and when it was last made durable.
        var journalled: Int64, durable: Int64
        var syncedAt = ContinuousClock.now, journalledAt = ContinuousClock.now
        var isSparse: Bool
        /// How often everything was begun anew; a stretch of an earlier time is void.
        var generation = 0
        var repetition = Repetition()
        var failure: StorageError?
        var isOpen = true
        var behind = Behind()
        var watchers: [UInt64: @Sendable (IngestProgress) -> Void] = [:]
        var lastWatcher: UInt64 = 0
        var phase = IngestProgress.Phase.filling
    }

    init(
        _ descriptor: Descriptor, from source: String?, file: OpenFile, directory: IngestDirectory,
        labours: DiskThreads, observer: @escaping StepObserver, pace: Pace = Pace(), after found: Found? = nil
    ) {
        digest = descriptor.digest
        size = descriptor.size
        self.source = source
        self.file = file
        self.directory = directory
        self.labours = labours
        self.observer = observer
        self.pace = pace
        let extents = found?.extents ?? Extents()
        notes = Locked(extents.ranges.count > 1)
        state = Locked(
            State(
                digester: found?.digester ?? Digester(descriptor.digest.algorithm), hashed: extents.prefix,
                extents: extents, synced: found?.synced ?? Extents(), journalled: extents.total,
                durable: extents.total, isSparse: extents.ranges.count > 1))
    }

    /// What an earlier attempt left: where bytes are, and the hash of those from the first one on.
    struct Found: Sendable {
        var extents: Extents
        var synced: Extents
        var digester: Digester
    }

    var offset: Int64 {
        if let main = main.withLock({ $0 }) { return main.position }
        return state.withLock { $0.extents.prefix }
    }

    var held: Int64 { state.withLock { $0.extents.total } + (main.withLock { $0 }?.buffered ?? 0) }

    var missing: [Range<Int64>] { state.withLock { $0.extents }.missing(of: size) }

    /// What went wrong in writing, whatever `fill` made of it.
    var failure: StorageError? { state.withLock { $0.failure } }

    func append(_ bytes: RawSpan) throws {
        let stretch = main.withLock { main in
            if let main { return main }
            let (position, generation) = state.withLock { ($0.extents.prefix, $0.generation) }
            let stretch = IngestStretch(of: self, at: position, generation: generation)
            main = stretch
            return stretch
        }
        try stretch.append(bytes)
    }

    func stretch(at position: Int64) async throws -> any BlobStretch {
        try main.withLock { $0 }?.close()
        main.withLock { $0 = nil }
        let (generation, isAhead) = try change { state throws(StorageError) in
            (state.generation, position > state.extents.prefix && !state.isSparse)
        }
        // Noted before the first byte is out of order: the file's length says nothing any more.
        if isAhead { try await labours.run { try self.becomeSparse() } }
        return IngestStretch(of: self, at: position, generation: generation)
    }

    func restart() throws {
        main.withLock { $0 = nil }
        try change { state throws(StorageError) in
            state.generation += 1
            state.repetition.begin(dropping: state.hashed, state.digester)
            // Who follows is sending from the file, and must not get what comes anew in the place of what it was given.
            if state.watchers.isEmpty { try file.truncate(to: 0) } else { try file.renew() }
            state.digester = Digester(digest.algorithm)
            state.hashed = 0
            state.extents = Extents()
            state.synced = Extents()
            state.journalled = 0
            state.durable = 0
            try reserve(Extents())
        }
        tell()
    }

    /// Reserves space for the bytes to come, unless all of them fit one write, which tells as early.
    func reserve() throws(StorageError) { try reserve(state.withLock { $0.extents }) }

    /// Takes the bytes that follow on `position`, of a stretch begun in `generation`.
    func put(_ bytes: RawSpan, at position: Int64, generation: Int) throws(StorageError) {
        let range = position..<(position + Int64(bytes.byteCount))
        try check(generation)
        let (grew, work) = try change { state throws(StorageError) in
            guard !state.extents.overlaps(range) else { throw .alreadyHeld(digest, at: position) }
            if state.hashed == position, !state.behind.isHashing {
                state.hash(bytes)
            }
            try observer(.write)
            do throws(StorageError) { try file.write(bytes, at: position) } catch .outOfSpace(let failure, _, _) {
                throw .outOfSpace(failure, needed: size - state.extents.total, free: file.freeSpace)
            }
            let before = state.extents.prefix
            state.extents.insert(range)
            return (state.extents.prefix > before, state.needsBehind(pace))
        }
        if work { startBehind() }
        if grew { tell() }
    }

    /// Ends the writing and says what the file holds. Nothing is at work behind (``quiesce()``).
    func park() throws(StorageError) -> (extents: Extents, synced: Extents, isSparse: Bool) {
        try main.withLock { $0 }?.close()
        let held = try change { state throws(StorageError) in (state.extents, state.synced, state.isSparse) }
        close()
        return held
    }

    /// Ends the writing: checks length and digest, and makes the bytes durable. Waits for the disk. Nothing is at work
    /// behind (``quiesce()``).
    func settle() throws(StorageError) {
        try main.withLock { $0 }?.close()
        try hashRest()
        let actual = try change { state throws(StorageError) in
            guard state.hashed == size else {
                throw .tooShort(digest, size: size, received: state.extents.total)
            }
            return state.digester.finalize()
        }
        close()
        guard actual == digest else { throw .wrongDigest(expected: digest, actual: actual) }
        let length = try file.status().size
        guard length == size else { throw .tooShort(digest, size: size, received: length) }
        try file.setMode(0o444)
        try observer(.syncData)
        try file.syncData()
    }

    /// No bytes are taken from here on, and the buffers' memory is free for others.
    func close() {
        main.withLock { $0 = nil }
        state.withLock { $0.isOpen = false }
    }

    /// The first failure stays: a writer that lost bytes must not go on as if it had them.
    func change<Result: Sendable>(
        _ body: (inout State) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try state.withLock { state throws(StorageError) in
            guard state.isOpen else { throw .writerClosed(digest) }
            if let failure = state.failure { throw failure }
            do throws(StorageError) { return try body(&state) } catch {
                state.failure = error
                throw error
            }
        }
    }

    private func reserve(_ extents: Extents) throws(StorageError) {
        let prefix = extents.prefix
        guard size - prefix > Int64(IngestStretch.gathered) else { return }
        try observer(.reserve)
        try file.reserve(size - prefix, from: prefix)
    }
}
