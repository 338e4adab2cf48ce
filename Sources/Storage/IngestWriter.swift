internal import Coordination
internal import Glibc
internal import Hashing
internal import OCI

/// Writes and hashes one ingest's bytes.
///
/// Pieces are gathered into long writes, for curl brings 16 KiB at a time and three writes of four would be overhead;
/// the gathered bytes are hashed right before they are written, while the processor's cache has them.
final class IngestWriter: BlobWriter {
    /// Bytes gathered before a write. Of 600 MB, ungathered pieces of 16 KiB cost 0.75 s of processor time, 64 KiB
    /// 0.64, 128 KiB 0.60, 256 KiB 0.57; 512 KiB and 1 MiB were as good on a quiet machine and worse on a busy one.
    static let gathered = 256 << 10
    /// Bytes written before the kernel is asked to begin with the disk.
    private static let writeback: Int64 = 8 << 20

    let digest: Digest
    /// Of the whole blob, in bytes.
    let size: Int64
    let file: OpenFile
    private let observer: StepObserver
    private let state: Locked<State>

    private struct State {
        var digester: Digester
        var buffer: [UInt8] = []
        /// Bytes that are hashed and in the file.
        var written: Int64
        /// Those of them the kernel was asked to write out.
        var submitted: Int64
        var failure: StorageError?
        var isOpen = true

        var offset: Int64 { written + Int64(buffer.count) }
    }

    init(
        _ descriptor: Descriptor, file: OpenFile, observer: @escaping StepObserver, offset: Int64 = 0,
        digester: Digester? = nil
    ) {
        digest = descriptor.digest
        size = descriptor.size
        self.file = file
        self.observer = observer
        let digester = digester ?? Digester(descriptor.digest.algorithm)
        state = Locked(State(digester: digester, written: offset, submitted: offset))
    }

    var offset: Int64 { state.withLock { $0.offset } }

    /// What went wrong in writing, whatever `fill` made of it.
    var failure: StorageError? { state.withLock { $0.failure } }

    func append(_ bytes: RawSpan) throws {
        try change { state throws(StorageError) in
            guard Int64(bytes.byteCount) <= size - state.offset else { throw .tooLong(digest, size: size) }
            if state.buffer.count + bytes.byteCount > Self.gathered { try flush(&state) }
            if bytes.byteCount >= Self.gathered { return try put(bytes, &state) }
            if state.buffer.capacity == 0 {
                state.buffer.reserveCapacity(Int(min(Int64(Self.gathered), size - state.written)))
            }
            // INVARIANT (raw pointer): used within the closure only, while the span keeps its bytes alive.
            bytes.withUnsafeBytes { state.buffer.append(contentsOf: $0) }
        }
    }

    func restart() throws {
        try change { state throws(StorageError) in
            state.buffer.removeAll(keepingCapacity: true)
            try file.truncate(to: 0)
            state.digester = Digester(digest.algorithm)
            state.written = 0
            state.submitted = 0
            try reserve(from: 0)
        }
    }

    /// Reserves space for the bytes to come, unless all of them fit one write, which tells as early.
    func reserve() throws(StorageError) { try reserve(from: offset) }

    /// Ends the writing and says how many bytes the file holds.
    func park() throws(StorageError) -> Int64 {
        let held = try change { state throws(StorageError) in
            try flush(&state)
            return state.written
        }
        close()
        return held
    }

    /// Ends the writing: checks length and digest, and makes the bytes durable. Waits for the disk.
    func settle() throws(StorageError) {
        let actual = try change { state throws(StorageError) in
            try flush(&state)
            guard state.written == size else { throw .tooShort(digest, size: size, received: state.written) }
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

    /// No bytes are taken from here on, and the buffer's memory is free for others.
    func close() {
        state.withLock { state in
            state.isOpen = false
            state.buffer = []
        }
    }

    /// The first failure stays: a writer that lost bytes must not go on as if it had them.
    private func change<Result: Sendable>(
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

    private func reserve(from offset: Int64) throws(StorageError) {
        guard size - offset > Int64(Self.gathered) else { return }
        try observer(.reserve)
        try file.reserve(size - offset, from: offset)
    }

    private func flush(_ state: inout State) throws(StorageError) {
        guard !state.buffer.isEmpty else { return }
        // Taken out meanwhile: two references to one array would make emptying it a copy.
        var buffer: [UInt8] = []
        swap(&buffer, &state.buffer)
        try put(buffer.span.bytes, &state)
        buffer.removeAll(keepingCapacity: true)
        swap(&buffer, &state.buffer)
    }

    private func put(_ bytes: RawSpan, _ state: inout State) throws(StorageError) {
        state.digester.update(bytes)
        try observer(.write)
        do throws(StorageError) { try file.write(bytes, at: state.written) } catch .outOfSpace(let failure, _, _) {
            throw .outOfSpace(failure, needed: size - state.written, free: file.freeSpace)
        }
        state.written += Int64(bytes.byteCount)
        guard state.written - state.submitted >= Self.writeback else { return }
        file.startWriting(state.written - state.submitted, from: state.submitted)
        state.submitted = state.written
    }
}
