internal import Coordination
internal import Glibc
internal import Hashing
public import OCI
public import Storage

/// A content store without a disk, for tests of the rooms above. It keeps what `contentStoreContract` asks of any
/// store; of durability it knows nothing.
public final class MemoryContentStore: ContentStore {
    private struct State {
        var blobs: [Digest: [UInt8]] = [:]
        /// Of ingests that failed, for the next attempt.
        var held: [Digest: (size: Int64, bytes: [UInt8])] = [:]
    }

    private let state = Locked(State())
    private let turns = SlotQueue(total: .max, perKey: 1)

    public init() {}

    /// Puts bytes under a name without a look at them, as a failing disk would.
    public func plant(_ bytes: [UInt8], under digest: Digest) {
        state.withLock { $0.blobs[digest] = bytes }
    }

    /// Bytes held of an interrupted ingest.
    public func held(of digest: Digest) -> Int64 {
        state.withLock { Int64($0.held[digest]?.bytes.count ?? 0) }
    }

    public func size(of digest: Digest) async throws -> Int64? {
        state.withLock { state in state.blobs[digest].map { Int64($0.count) } }
    }

    @discardableResult
    public func ingest(
        _ descriptor: Descriptor, fill: @Sendable (any BlobWriter) async throws -> Void
    ) async throws -> IngestOutcome {
        let digest = descriptor.digest
        guard descriptor.size >= 0 else { throw StorageError.invalidSize(digest, size: descriptor.size) }
        return try await turns.withSlot(key: digest.description, lane: 0) {
            if try isPresent(descriptor) { return .alreadyPresent }
            let writer = MemoryWriter(descriptor, held: takeHeld(descriptor))
            do {
                if writer.offset < descriptor.size || descriptor.size == 0 { try await fill(writer) }
            } catch {
                let (bytes, failure) = writer.end()
                if failure == nil { state.withLock { $0.held[digest] = (descriptor.size, bytes) } }
                throw error
            }
            let bytes = try writer.result()
            state.withLock { $0.blobs[digest] = bytes }
            return .stored
        }
    }

    public func read(_ digest: Digest, limit: Int) async throws -> [UInt8] {
        let bytes = try bytes(of: digest)
        guard bytes.count <= limit else {
            throw StorageError.tooLarge(digest, size: Int64(bytes.count), limit: limit)
        }
        guard digest.matches(bytes) else {
            state.withLock { $0.blobs[digest] = nil }
            throw StorageError.damaged(digest, reason: "its bytes hash to another digest", quarantine: nil)
        }
        return bytes
    }

    public func open(_ digest: Digest) async throws -> BlobFile {
        let bytes = try bytes(of: digest)
        guard let stream = tmpfile() else { throw StoreFileError(code: errno) }
        defer { fclose(stream) }
        let file = BlobFile(descriptor: dup(fileno(stream)), size: Int64(bytes.count))
        guard file.descriptor >= 0, pwrite(file.descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw StoreFileError(code: errno)
        }
        return file
    }

    public func concluded(_ digest: Digest, _ file: BlobFile, actual: Digest) async throws {
        guard actual != digest else { return }
        state.withLock { $0.blobs[digest] = nil }
        throw StorageError.damaged(digest, reason: "its bytes hash to \(actual)", quarantine: nil)
    }

    public func remove(_ digest: Digest) async throws {
        state.withLock { $0.blobs[digest] = nil }
    }

    public func blobs() async throws -> [(digest: Digest, size: Int64)] {
        state.withLock { state in state.blobs.map { ($0.key, Int64($0.value.count)) } }
    }

    private func bytes(of digest: Digest) throws -> [UInt8] {
        guard let bytes = state.withLock({ $0.blobs[digest] }) else { throw StorageError.notFound(digest) }
        return bytes
    }

    private func isPresent(_ descriptor: Descriptor) throws -> Bool {
        let digest = descriptor.digest
        guard let bytes = state.withLock({ $0.blobs[digest] }) else { return false }
        let size = Int64(bytes.count)
        if size == descriptor.size { return true }
        guard !digest.matches(bytes) else {
            throw StorageError.wrongSize(digest, claimed: descriptor.size, actual: size)
        }
        state.withLock { $0.blobs[digest] = nil }
        return false
    }

    private func takeHeld(_ descriptor: Descriptor) -> [UInt8] {
        guard let held = state.withLock({ $0.held.removeValue(forKey: descriptor.digest) }),
            held.size == descriptor.size
        else { return [] }
        let isWhole = Int64(held.bytes.count) == held.size
        return isWhole && !descriptor.digest.matches(held.bytes) ? [] : held.bytes
    }
}

/// Gathers one blob's bytes.
private final class MemoryWriter: BlobWriter {
    private struct State {
        var bytes: [UInt8]
        var failure: StorageError?
        var isOpen = true
    }

    private let descriptor: Descriptor
    private let state: Locked<State>

    init(_ descriptor: Descriptor, held: [UInt8]) {
        self.descriptor = descriptor
        state = Locked(State(bytes: held))
    }

    var offset: Int64 { state.withLock { Int64($0.bytes.count) } }

    func append(_ bytes: RawSpan) throws {
        try state.withLock { state throws(StorageError) in
            try check(state)
            guard Int64(bytes.byteCount) <= descriptor.size - Int64(state.bytes.count) else {
                let failure = StorageError.tooLong(descriptor.digest, size: descriptor.size)
                state.failure = failure
                throw failure
            }
            // INVARIANT (raw pointer): used within the closure only, while the span keeps its bytes alive.
            bytes.withUnsafeBytes { state.bytes.append(contentsOf: $0) }
        }
    }

    func restart() throws {
        try state.withLock { state throws(StorageError) in
            try check(state)
            state.bytes = []
        }
    }

    /// Takes no bytes from here on.
    func end() -> (bytes: [UInt8], failure: StorageError?) {
        state.withLock { state in
            state.isOpen = false
            return (state.bytes, state.failure)
        }
    }

    /// All bytes, if they are the blob.
    func result() throws -> [UInt8] {
        let (bytes, failure) = end()
        if let failure { throw failure }
        let (digest, size) = (descriptor.digest, descriptor.size)
        guard Int64(bytes.count) == size else {
            throw StorageError.tooShort(digest, size: size, received: Int64(bytes.count))
        }
        var digester = Digester(digest.algorithm)
        digester.update(bytes)
        let actual = digester.finalize()
        guard actual == digest else { throw StorageError.wrongDigest(expected: digest, actual: actual) }
        return bytes
    }

    private func check(_ state: State) throws(StorageError) {
        guard state.isOpen else { throw .writerClosed(descriptor.digest) }
        if let failure = state.failure { throw failure }
    }
}

/// The test's own machine refuses a temporary file.
private struct StoreFileError: Error, CustomStringConvertible {
    let code: Int32
    var description: String { "no temporary file for a blob in memory: error \(code)" }
}
