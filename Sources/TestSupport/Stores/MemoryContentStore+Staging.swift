internal import Coordination
internal import Hashing
public import OCI
public import Storage

extension MemoryContentStore: StagingStore {
    public func stage(expecting size: Int64, algorithm: Digest.Algorithm) throws -> any StagedBlob {
        MemoryStagedBlob(algorithm)
    }

    @discardableResult
    public func commit(_ blob: any StagedBlob) async throws -> IngestOutcome {
        guard let blob = blob as? MemoryStagedBlob else { preconditionFailure("a blob of another store") }
        let bytes = blob.bytes
        let descriptor = Descriptor(
            mediaType: MediaType("application/octet-stream"), digest: try blob.seal(), size: Int64(bytes.count))
        return try await ingest(descriptor) { writer in
            if writer.offset > 0 { try writer.restart() }
            let span = bytes.span
            try writer.append(span.bytes)
        }
    }
}

private final class MemoryStagedBlob: StagedBlob {
    private let algorithm: Digest.Algorithm
    private let content = Locked<[UInt8]>([])

    init(_ algorithm: Digest.Algorithm) { self.algorithm = algorithm }

    var bytes: [UInt8] { content.withLock { $0 } }
    var size: Int64 { Int64(bytes.count) }

    func append(_ bytes: RawSpan) throws {
        content.withLock { content in bytes.withUnsafeBytes { content.append(contentsOf: $0) } }
    }

    func seal() throws -> Digest {
        var digester = Digester(algorithm)
        digester.update(bytes)
        return digester.finalize()
    }

    func read(limit: Int) throws -> [UInt8] {
        guard bytes.count <= limit else { throw StorageError.tooLarge(try seal(), size: size, limit: limit) }
        return bytes
    }
}
