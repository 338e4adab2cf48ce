internal import Coordination
internal import Hashing
internal import OCI
internal import SystemPackage

/// What is done behind an ingest's back, on a thread that may wait: hashing what came ahead of a gap that has closed,
/// noting what is held, and making it durable now and then.
struct Behind {
    /// The one task at it. Awaited by ``IngestWriter/quiesce()``.
    var task: Task<Void, Never>?
    /// The digester is out, with bytes that were read back; until it is back, new ones wait their turn in the file.
    var isHashing = false
    var wantsJournal = false
    /// No new work: the ingest is about to end.
    var isStopping = false
}

/// One piece of that work.
private enum Labour {
    case hash(Digester, Range<Int64>, generation: Int)
    case journal(IngestState)
    case sync(IngestState, generation: Int)
}

extension IngestWriter.State {
    func needsBehind(_ pace: IngestWriter.Pace) -> Bool {
        guard behind.task == nil, !behind.isStopping else { return false }
        return hashed < extents.prefix || needsJournal(pace) || needsSync(pace)
    }

    private func needsJournal(_ pace: IngestWriter.Pace) -> Bool {
        guard isSparse else { return false }
        let fresh = extents.total - journalled
        return behind.wantsJournal || fresh >= pace.journal
            || fresh >= pace.journalSoon && journalledAt.duration(to: .now) >= pace.journalInterval
    }

    private func needsSync(_ pace: IngestWriter.Pace) -> Bool {
        extents.total - durable >= pace.sync && syncedAt.duration(to: .now) >= pace.syncInterval
    }

    /// The next piece of work; `nil` when none is left, and the task that asked for it ends.
    fileprivate mutating func nextLabour(_ blank: IngestState, _ pace: IngestWriter.Pace) -> Labour? {
        guard failure == nil, isOpen, !behind.isStopping else {
            behind.task = nil
            return nil
        }
        var note = blank
        note.extents = extents
        note.isSparse = isSparse
        note.synced = synced
        if needsSync(pace) {
            syncedAt = .now
            durable = extents.total
            note.synced = extents
            return .sync(note, generation: generation)
        }
        if needsJournal(pace) {
            behind.wantsJournal = false
            journalled = extents.total
            journalledAt = .now
            return .journal(note)
        }
        guard hashed < extents.prefix else {
            behind.task = nil
            return nil
        }
        behind.isHashing = true
        return .hash(digester, unhashed, generation: generation)
    }
}

extension IngestWriter {
    /// Begins the work behind, unless it is being done.
    func startBehind() {
        state.withLock { state in
            guard state.needsBehind(pace) else { return }
            // Awaited by `quiesce`, before the ingest ends.
            state.behind.task = Task {
                do { try await labours.run { self.workBehind() } } catch {}
            }
        }
    }

    /// Returns when nothing is at work behind any more, and nothing will be.
    func quiesce() async {
        let task = state.withLock { state in
            state.behind.isStopping = true
            return state.behind.task
        }
        await task?.value
    }

    /// A stretch has ended: what it brought is worth a note.
    func noteEnd() {
        let work = state.withLock { state in
            state.behind.wantsJournal = state.isSparse
            return state.needsBehind(pace)
        }
        if work { startBehind() }
    }

    /// Notes that the file's length says nothing any more.
    func becomeSparse() throws(StorageError) {
        try notes.withLock { isNoted throws(StorageError) in
            guard !isNoted else { return }
            let note = try change { state throws(StorageError) in
                var note = IngestState(
                    digest: digest, size: size, extents: state.extents, isSparse: true, source: source)
                note.synced = state.synced
                return note
            }
            try observer(.journal)
            try directory.write(note)
            isNoted = true
            try change { state throws(StorageError) in state.isSparse = true }
        }
    }

    /// Hashes what is not hashed yet. Nothing is at work behind.
    func hashRest() throws(StorageError) {
        while true {
            let next = state.withLock { state in
                (state.digester, state.unhashed, state.generation)
            }
            guard !next.1.isEmpty else { return }
            try hash(next.0, next.1, generation: next.2)
        }
    }

    private func workBehind() {
        let blank = IngestState(digest: digest, size: size, source: source)
        while let labour = state.withLock({ $0.nextLabour(blank, pace) }) {
            do throws(StorageError) {
                switch labour {
                case .hash(let digester, let range, let generation): try hash(digester, range, generation: generation)
                case .journal(let note): noteQuietly(note)
                case .sync(let note, let generation): try sync(note, generation: generation)
                }
            } catch {
                _ = fail(error)
            }
        }
    }

    private func hash(_ digester: Digester, _ range: Range<Int64>, generation: Int) throws(StorageError) {
        var digester = digester
        var buffer = [UInt8](repeating: 0, count: min(range.count, IngestStretch.gathered))
        var position = range.lowerBound
        var outcome = Result<Void, StorageError>.success(())
        while position < range.upperBound, case .success = outcome {
            let wanted = Int(min(Int64(buffer.count), range.upperBound - position))
            do throws(StorageError) {
                let count = try file.read(wanted, into: &buffer, at: position)
                guard count == wanted else { throw .system(SystemFailure("read", file.path, .ioError)) }
                digester.update(buffer.span.bytes.extracting(0..<count))
                position += Int64(count)
            } catch {
                outcome = .failure(error)
            }
        }
        let isNews = state.withLock { state in
            state.behind.isHashing = false
            guard state.generation == generation, case .success = outcome else { return false }
            state.digester = digester
            state.hashed = range.upperBound
            return state.repetition.compare(state.hashed, digester)
        }
        if isNews { tell() }
        try outcome.get()
    }

    /// A note that cannot be written costs some bytes at the next start, and not the transfer.
    private func noteQuietly(_ note: IngestState) {
        do throws(StorageError) { try write(note) } catch {}
    }

    private func write(_ note: IngestState) throws(StorageError) {
        try observer(.journal)
        try notes.withLock { isNoted throws(StorageError) in
            var note = note
            note.isSparse = note.isSparse || isNoted
            try directory.write(note)
        }
    }

    /// A sync that fails is final, here as at the end: what it should have saved may be gone.
    private func sync(_ note: IngestState, generation: Int) throws(StorageError) {
        try observer(.syncData)
        try file.syncData()
        let isCurrent = state.withLock { state in
            guard state.generation == generation else { return false }
            state.synced = note.synced
            return true
        }
        guard isCurrent else { return }
        try notes.withLock { isNoted throws(StorageError) in
            var note = note
            note.isSparse = note.isSparse || isNoted
            try directory.writeDurably(note)
        }
    }

    /// Notes a failure, unless there was one before, and returns the one that counts.
    func fail(_ error: StorageError) -> StorageError {
        state.withLock { state in
            guard state.isOpen else { return .writerClosed(digest) }
            let first = state.failure ?? error
            state.failure = first
            return first
        }
    }

    /// Whether bytes of a stretch begun in `generation` are taken.
    func check(_ generation: Int) throws(StorageError) {
        try state.withLock { state throws(StorageError) in
            if !state.isOpen || state.generation != generation { throw .writerClosed(digest) }
            if let failure = state.failure { throw failure }
        }
    }
}
