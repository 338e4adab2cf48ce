internal import Coordination
internal import Hashing
internal import OCI
internal import Storage

/// Bytes of one blob, and where they are.
struct MemoryContent {
    /// As long as the last byte held needs.
    var bytes: [UInt8] = []
    var extents = Extents()
}

/// Gathers one blob's bytes.
final class MemoryWriter: BlobWriter {
    private struct State {
        var content: MemoryContent
        var generation = 0
        var failure: StorageError?
        var isOpen = true
    }

    private let descriptor: Descriptor
    private let state: Locked<State>

    init(_ descriptor: Descriptor, held: MemoryContent) {
        self.descriptor = descriptor
        state = Locked(State(content: held))
    }

    var offset: Int64 { state.withLock { $0.content.extents.prefix } }
    var held: Int64 { state.withLock { $0.content.extents.total } }
    var missing: [Range<Int64>] { state.withLock { $0.content.extents }.missing(of: descriptor.size) }

    func append(_ bytes: RawSpan) throws { _ = try put(bytes, at: nil, generation: nil) }

    func stretch(at position: Int64) async throws -> any BlobStretch {
        MemoryStretch(of: self, at: position, generation: state.withLock { $0.generation })
    }

    func restart() throws {
        try change { state throws(StorageError) in
            state.content = MemoryContent()
            state.generation += 1
        }
    }

    /// Takes bytes at `place`, or after the first ones; returns where they end.
    fileprivate func put(_ bytes: RawSpan, at place: Int64?, generation: Int?) throws -> Int64 {
        guard generation.map({ own in state.withLock { $0.generation } == own }) ?? true else {
            throw StorageError.writerClosed(descriptor.digest)
        }
        return try change { state throws(StorageError) in
            let start = place ?? state.content.extents.prefix
            let range = start..<(start + Int64(bytes.byteCount))
            guard range.upperBound <= descriptor.size else {
                throw .tooLong(descriptor.digest, size: descriptor.size)
            }
            guard !state.content.extents.overlaps(range) else {
                throw .alreadyHeld(descriptor.digest, at: start)
            }
            let shortage = Int(range.upperBound) - state.content.bytes.count
            if shortage > 0 { state.content.bytes += [UInt8](repeating: 0, count: shortage) }
            // INVARIANT (raw pointer): used within the closure only, while the span keeps its bytes alive.
            bytes.withUnsafeBytes {
                state.content.bytes.replaceSubrange(Int(range.lowerBound)..<Int(range.upperBound), with: $0)
            }
            state.content.extents.insert(range)
            return range.upperBound
        }
    }

    /// Takes no bytes from here on.
    func end() -> (content: MemoryContent, failure: StorageError?) {
        state.withLock { state in
            state.isOpen = false
            return (state.content, state.failure)
        }
    }

    /// All bytes, if they are the blob.
    func result() throws -> [UInt8] {
        let (content, failure) = end()
        if let failure { throw failure }
        let (digest, size) = (descriptor.digest, descriptor.size)
        guard content.extents.prefix == size else {
            throw StorageError.tooShort(digest, size: size, received: content.extents.total)
        }
        var digester = Digester(digest.algorithm)
        digester.update(content.bytes)
        let actual = digester.finalize()
        guard actual == digest else { throw StorageError.wrongDigest(expected: digest, actual: actual) }
        return content.bytes
    }

    private func change<Result: Sendable>(
        _ body: (inout State) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try state.withLock { state throws(StorageError) in
            guard state.isOpen else { throw .writerClosed(descriptor.digest) }
            if let failure = state.failure { throw failure }
            do throws(StorageError) { return try body(&state) } catch {
                state.failure = error
                throw error
            }
        }
    }
}

private final class MemoryStretch: BlobStretch {
    private let writer: MemoryWriter
    private let generation: Int
    private let place: Locked<Int64>

    init(of writer: MemoryWriter, at position: Int64, generation: Int) {
        self.writer = writer
        self.generation = generation
        place = Locked(position)
    }

    var position: Int64 { place.withLock { $0 } }

    func append(_ bytes: RawSpan) throws {
        let end = try writer.put(bytes, at: position, generation: generation)
        place.withLock { $0 = end }
    }

    func close() {}
}
