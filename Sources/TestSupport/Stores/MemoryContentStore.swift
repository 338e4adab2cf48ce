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
        var held: [Digest: (size: Int64, content: MemoryContent)] = [:]
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
        state.withLock { $0.held[digest]?.content.extents.total ?? 0 }
    }

    public func size(of digest: Digest) async throws -> Int64? {
        state.withLock { state in state.blobs[digest].map { Int64($0.count) } }
    }

    @discardableResult
    public func ingest(
        _ descriptor: Descriptor, from source: String?, fill: @Sendable (any BlobWriter) async throws -> Void
    ) async throws -> IngestOutcome {
        let digest = descriptor.digest
        guard descriptor.size >= 0 else { throw StorageError.invalidSize(digest, size: descriptor.size) }
        return try await turns.withSlot(key: digest.description, lane: 0) {
            if try isPresent(descriptor) { return .alreadyPresent }
            let writer = MemoryWriter(descriptor, held: takeHeld(descriptor))
            do {
                if writer.held < descriptor.size || descriptor.size == 0 { try await fill(writer) }
            } catch {
                let (content, failure) = writer.end()
                if failure == nil { state.withLock { $0.held[digest] = (descriptor.size, content) } }
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

    private func takeHeld(_ descriptor: Descriptor) -> MemoryContent {
        guard let held = state.withLock({ $0.held.removeValue(forKey: descriptor.digest) }),
            held.size == descriptor.size
        else { return MemoryContent() }
        let isWhole = held.content.extents.prefix == held.size
        return isWhole && !descriptor.digest.matches(held.content.bytes) ? MemoryContent() : held.content
    }
}

/// The test's own machine refuses a temporary file.
private struct StoreFileError: Error, CustomStringConvertible {
    let code: Int32
    var description: String { "no temporary file for a blob in memory: error \(code)" }
}
