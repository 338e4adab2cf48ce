internal import Coordination
internal import Glibc
internal import Hashing
public import OCI
internal import SystemPackage

/// Bytes on their way into the store whose digest is known only when the last of them has come, as those of an archive.
///
/// Dropped without having been committed, they are removed. Calls block on the disk: they belong on a thread of one's
/// own. One caller at a time.
public protocol StagedBlob: AnyObject, Sendable {
    /// Bytes so far.
    var size: Int64 { get }

    /// Adds bytes.
    /// - Throws: a ``Fault``: `.outOfSpace`, or what else the disk says.
    func append(_ bytes: RawSpan) throws

    /// Ends the writing, makes the bytes durable and says what they hash to.
    /// - Throws: a ``Fault``; the bytes are then lost.
    func seal() throws -> Digest

    /// All bytes of a sealed blob.
    /// - Throws: a ``Fault``: `.invalidInput` when there are more than `limit`.
    func read(limit: Int) throws -> [UInt8]
}

/// A store that takes bytes before their digest is known.
public protocol StagingStore: ContentStore {
    /// Begins a blob of which `size` bytes are announced; more or fewer may come.
    ///
    /// Blocks on the disk, as the blob's own calls do.
    /// - Throws: a ``Fault``: `.outOfSpace` at once when so many bytes have no room.
    func stage(expecting size: Int64, algorithm: Digest.Algorithm) throws -> any StagedBlob

    /// Gives a sealed blob its name; returns when that is durable.
    /// - Throws: a ``Fault``.
    @discardableResult
    func commit(_ blob: any StagedBlob) async throws -> IngestOutcome
}

/// A staged blob in a directory of its own under `ingest/`.
final class StagedFile: StagedBlob {
    private struct State {
        var digester: Digester
        var written: Int64 = 0
        /// Bytes the kernel was asked to write out.
        var submitted: Int64 = 0
        var digest: Digest?
        var isCommitted = false
    }

    /// As an ingest's: `data` in a directory, but no state, for nothing can be resumed.
    let path: FilePath
    let file: OpenFile
    private let algorithm: Digest.Algorithm
    private let observer: StepObserver
    private let state: Locked<State>

    init(path: FilePath, algorithm: Digest.Algorithm, expecting size: Int64, observer: @escaping StepObserver) throws {
        self.path = path
        self.algorithm = algorithm
        self.observer = observer
        state = Locked(State(digester: Digester(algorithm)))
        _ = try Names.makeDirectory(path, mode: 0o700)
        do {
            file = try OpenFile(path.appending("data"), O_RDWR | O_CREAT | O_EXCL, to: "make")
            if size > Int64(IngestStretch.gathered) {
                try observer(.reserve)
                try file.reserve(size, from: 0)
            }
        } catch {
            do { try FileTree.remove(path) } catch {}
            throw error
        }
    }

    deinit {
        // The next start sweeps what cannot be removed now.
        if !state.withLock({ $0.isCommitted }) { do { try FileTree.remove(path) } catch {} }
    }

    var size: Int64 { state.withLock { $0.written } }
    /// `nil` before it is sealed.
    var digest: Digest? { state.withLock { $0.digest } }

    func append(_ bytes: RawSpan) throws {
        try state.withLock { state in
            state.digester.update(bytes)
            try observer(.write)
            try file.write(bytes, at: state.written)
            state.written += Int64(bytes.byteCount)
            guard state.written - state.submitted >= 8 << 20 else { return }
            file.startWriting(state.written - state.submitted, from: state.submitted)
            state.submitted = state.written
        }
    }

    func seal() throws -> Digest {
        let (digest, size) = state.withLock { ($0.digester.finalize(), $0.written) }
        // Gives back what was reserved and did not come.
        try file.truncate(to: size)
        try file.setMode(0o444)
        try observer(.syncData)
        try file.syncData()
        state.withLock { $0.digest = digest }
        return digest
    }

    func read(limit: Int) throws -> [UInt8] {
        let (digest, size) = state.withLock { ($0.digest, $0.written) }
        guard size <= limit else {
            throw StorageError.tooLarge(digest ?? .sha256(of: []), size: size, limit: limit)
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = try file.read(bytes.count, into: &bytes, at: 0)
        guard count == bytes.count else { throw StorageError.system(SystemFailure("read", file.path, .ioError)) }
        return bytes
    }

    /// The directory has become a blob's, or is gone.
    func committed() { state.withLock { $0.isCommitted = true } }
}

extension LocalContentStore: StagingStore {
    public func stage(expecting size: Int64, algorithm: Digest.Algorithm) throws -> any StagedBlob {
        let number = staged.withLock { next in
            next += 1
            return next
        }
        return try StagedFile(
            path: layout.ingest.appending("\(StoreLayout.stagedPrefix)\(number)"), algorithm: algorithm,
            expecting: size, observer: observer)
    }

    @discardableResult
    public func commit(_ blob: any StagedBlob) async throws -> IngestOutcome {
        guard let blob = blob as? StagedFile, let digest = blob.digest else {
            preconditionFailure("a blob of another store, or not sealed")
        }
        let descriptor = Descriptor(mediaType: MediaType("application/octet-stream"), digest: digest, size: blob.size)
        return try await turns.withSlot(key: digest.description, lane: 0) {
            // Dropped with its last reference, the staged directory removes itself.
            if try await isPresent(descriptor) { return .alreadyPresent }
            try await publish(IngestDirectory(path: blob.path, digest: digest))
            blob.committed()
            // Its rename has changed the file's times; the file is the one that was hashed and synced.
            trust.note(digest, try blob.file.status())
            return .stored
        }
    }
}

extension StoreLayout {
    static let stagedPrefix = "staged-"

    /// Takes away what a process that died had staged: nothing says what it was to become.
    func sweepStaged() throws(StorageError) {
        for name in try FileTree.names(in: ingest) where name.hasPrefix(Self.stagedPrefix) {
            do throws(StorageError) { try FileTree.remove(ingest.appending(name)) } catch {}
        }
    }
}
