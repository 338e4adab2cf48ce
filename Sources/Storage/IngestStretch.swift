internal import Coordination
internal import OCI

/// One place in an ingest where bytes are added in order.
///
/// Pieces are gathered into long writes, for curl brings 16 KiB at a time and three writes of four would be overhead.
final class IngestStretch: BlobStretch {
    /// Bytes gathered before a write. Of 600 MB, ungathered pieces of 16 KiB cost 0.75 s of processor time, 64 KiB
    /// 0.64, 128 KiB 0.60, 256 KiB 0.57; 512 KiB and 1 MiB were as good on a quiet machine and worse on a busy one.
    static let gathered = 256 << 10
    /// Bytes written before the kernel is asked to begin with the disk.
    private static let writeback: Int64 = 8 << 20

    private struct State {
        var buffer: [UInt8] = []
        /// Where the buffer's first byte goes.
        var written: Int64
        /// Up to where the kernel was asked to write out.
        var submitted: Int64

        var position: Int64 { written + Int64(buffer.count) }
    }

    private let writer: IngestWriter
    private let generation: Int
    private let state: Locked<State>

    init(of writer: IngestWriter, at position: Int64, generation: Int) {
        self.writer = writer
        self.generation = generation
        state = Locked(State(written: position, submitted: position))
    }

    var position: Int64 { state.withLock { $0.position } }

    /// Bytes taken that are not in the file yet.
    var buffered: Int64 { state.withLock { Int64($0.buffer.count) } }

    func append(_ bytes: RawSpan) throws {
        try state.withLock { state throws(StorageError) in
            guard Int64(bytes.byteCount) <= writer.size - state.position else {
                throw writer.fail(.tooLong(writer.digest, size: writer.size))
            }
            try writer.check(generation)
            if state.buffer.count + bytes.byteCount > Self.gathered { try flush(&state) }
            if bytes.byteCount >= Self.gathered { return try put(bytes, &state) }
            if state.buffer.capacity == 0 {
                state.buffer.reserveCapacity(Int(min(Int64(Self.gathered), writer.size - state.written)))
            }
            // INVARIANT (raw pointer): used within the closure only, while the span keeps its bytes alive.
            bytes.withUnsafeBytes { state.buffer.append(contentsOf: $0) }
        }
    }

    func close() throws(StorageError) {
        try state.withLock { state throws(StorageError) in
            try flush(&state)
            state.buffer = []
        }
        writer.noteEnd()
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
        try writer.put(bytes, at: state.written, generation: generation)
        state.written += Int64(bytes.byteCount)
        guard state.written - state.submitted >= Self.writeback else { return }
        writer.file.startWriting(state.written - state.submitted, from: state.submitted)
        state.submitted = state.written
    }
}
