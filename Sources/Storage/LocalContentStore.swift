internal import Coordination
public import OCI
internal import SystemPackage

/// The content store on the local disk: an OCI image layout under `store`, transfers under `ingest`, damaged blobs
/// under `quarantine`.
///
/// The state directory belongs to one process: the lock on it is held until ``close()``, or until the store is
/// released.
public final class LocalContentStore: ContentStore {
    /// The state directory, as it was given.
    public let root: String

    let layout: StoreLayout
    let quarantine: Quarantine
    let committer: Committer
    let observer: StepObserver
    /// For what takes microseconds when the disk is well.
    let lookups = DiskThreads("store-look", count: 2)
    /// For what takes longer: syncs, hashes of long files, walks. Four, so that the syncs of an image's blobs overlap.
    let labours = DiskThreads("store-work", count: 4)
    /// One task at a time for each digest; the key is the digest.
    let turns = SlotQueue(total: .max, perKey: 1)
    /// One hash at a time of a blob that is in doubt; the key is the digest.
    let examinations = SlotQueue(total: .max, perKey: 1)
    let trust: Trust
    let tally = BlobTally()
    /// The state directory was left by an orderly stop: rows and files agree, and nothing is half done.
    public let wasStoppedOrderly: Bool
    /// Blobs that were found damaged and put into quarantine, for whoever can bring them again.
    public let losses: AsyncStream<Digest>
    let lose: AsyncStream<Digest>.Continuation
    /// What pulls have spoken for; one looks at a time.
    let space = SpaceBook()
    let spaceTurn = SlotQueue(total: 1, perKey: 1)
    /// Bytes of the file system that stay free whatever is pulled.
    let spaceFloor = Locked<Int64>(0)
    /// Removes what can be removed when this many bytes are missing.
    let makesRoom = Locked<(@Sendable (Int64) async -> Void)?>(nil)
    /// What is being filled now.
    let active = Locked<[Digest: IngestWriter]>([:])
    /// Numbers the blobs staged without a digest.
    let staged = Locked<UInt64>(0)
    /// What readers follow on its way in.
    let feeds = Locked<[Digest: BlobFeed]>([:])
    /// What is stored and hashed for the first time while it is read.
    let hashing = Locked<[Digest: BlobFeed]>([:])
    /// Verified blobs that are in demand.
    let hot = OpenBlobs()
    /// Kept open, so that a shortage of descriptors cannot come between a rename and its sync.
    let blobDirectories: [Digest.Algorithm: OpenFile]

    private let index: IndexFile
    private let lock: Locked<OpenFile?>

    /// Opens the store of a state directory, and makes it when there is none. Neither walks nor hashes the blobs.
    /// - Parameter root: the state directory; `store`, `ingest` and `quarantine` are made in it.
    /// - Throws: ``StorageError``: `.locked` when another process has it, `.splitFileSystems`, `.foreignLayout`, and
    ///   what the system says.
    public convenience init(root: String) async throws {
        try await self.init(root: root, quarantineBudget: Quarantine.budget) { _ throws(StorageError) in }
    }

    init(
        root: String, quarantineBudget: Int64, boot: String = Boot.current,
        observer: @escaping StepObserver
    ) async throws {
        let layout = StoreLayout(root: root)
        let (lock, directories, marker) = try await lookups.run {
            let lock = try layout.lock()
            let marker = try layout.takeMarker()
            try layout.create()
            if marker == nil {
                try layout.sweepIngests()
                try layout.sweepStaged()
            }
            // A disk that is full by now is no reason not to start.
            do { try layout.takeBallast() } catch {}
            var directories: [Digest.Algorithm: OpenFile] = [:]
            for algorithm in Digest.Algorithm.allCases {
                directories[algorithm] = try OpenFile(directory: layout.blobs(algorithm))
            }
            return (lock, directories, marker)
        }
        self.root = root
        wasStoppedOrderly = marker != nil
        if let bytes = marker?.bytes { tally.set(bytes, asOf: 0) }
        trust = Trust(boot: boot)
        (losses, lose) = AsyncStream.makeStream()
        self.layout = layout
        self.observer = observer
        self.lock = Locked(lock)
        blobDirectories = directories
        quarantine = Quarantine(directory: layout.quarantine, budget: quarantineBudget)
        committer = Committer(observer: observer)
        index = IndexFile(path: layout.indexFile)
    }

    /// Gives the state directory free for the next process. To be called when nothing else of the store runs any more.
    public func close() {
        lose.finish()
        lock.withLock { $0 = nil }
    }

    /// Keeps `floor` bytes of the file system free, and asks `makeRoom` to remove what can go when a pull lacks room:
    /// it is given the bytes that are missing.
    public func keepFree(_ floor: Int64, makeRoom: (@Sendable (Int64) async -> Void)? = nil) {
        spaceFloor.withLock { $0 = floor }
        makesRoom.withLock { $0 = makeRoom }
    }

    /// Marks that everything is settled, so that the next start need not look. To be called last before ``close()``.
    public func markOrderlyStop() async throws {
        let bytes = tally.bytes
        try await labours.run { [layout] in try layout.leaveMarker(bytes: bytes) }
    }

    /// Rewrites `index.json`, the layout's list of names, and returns when it is durable. Of calls at the same time the
    /// last one counts, and all return when its content is durable.
    /// - Throws: ``StorageError``; the file then has its former content or the new, whole.
    public func writeIndex(_ entries: [NamedDescriptor]) async throws {
        try await index.write(entries)
    }

    /// The names in `index.json`, for when the catalogue is lost.
    /// - Throws: a ``Fault`` when there is no such file, or it is no image index.
    public func readIndex() async throws -> [NamedDescriptor] { try await index.read() }

    /// Changes a name in the directory of `digest`'s blob; returns when that is durable.
    func change(
        _ digest: Digest, revert: @escaping @Sendable () -> Void = {}, _ apply: @escaping @Sendable () throws -> Void
    ) async throws {
        guard let directory = blobDirectories[digest.algorithm] else {
            preconditionFailure("every algorithm has a directory")
        }
        let path = layout.blob(digest)
        try await committer.perform(
            NameChange(
                directory: directory, apply: { [tally] in try tally.follow(path, apply) },
                revert: { [tally] in tally.follow(path, revert) }))
    }
}
