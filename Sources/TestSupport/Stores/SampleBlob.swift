internal import Coordination
internal import Hashing
public import OCI
public import Storage

/// Bytes that look like nothing in particular, and the descriptor that names them. The same arguments make the same
/// blob.
public struct SampleBlob: Sendable {
    public let bytes: [UInt8]
    public let descriptor: Descriptor
    public var digest: Digest { descriptor.digest }

    public init(count: Int, seed: UInt64 = 1, algorithm: Digest.Algorithm = .sha256) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        bytes = (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state)
        }
        var digester = Digester(algorithm)
        digester.update(bytes)
        descriptor = Descriptor(mediaType: .ociLayerGzip, digest: digester.finalize(), size: Int64(count))
    }

    private init(bytes: [UInt8], descriptor: Descriptor) {
        self.bytes = bytes
        self.descriptor = descriptor
    }

    /// These bytes under the name of others: what a source sends that is damaged.
    public func named(as other: SampleBlob) -> SampleBlob { SampleBlob(bytes: bytes, descriptor: other.descriptor) }
}

extension BlobWriter {
    /// Appends a part of a blob.
    public func append(_ blob: SampleBlob, _ range: Range<Int>) throws {
        try append(blob.bytes.span.extracting(range).bytes)
    }
}

extension ContentStore {
    /// Stores a blob, from wherever an earlier attempt stopped.
    @discardableResult
    public func ingest(_ blob: SampleBlob) async throws -> IngestOutcome {
        try await ingest(blob.descriptor) { try $0.append(blob, Int($0.offset)..<blob.bytes.count) }
    }

    /// The digests of all blobs, in order.
    public func list() async throws -> [Digest] { try await blobs().map(\.digest).sorted() }
}

/// Something that happens once, and tasks that wait for it.
public final class Signal: Sendable {
    private let state = Locked<(isSet: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    public init() {}

    public func set() {
        let waiting = state.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    public func wait() async {
        await withCheckedContinuation { continuation in
            let isSet = state.withLock { state in
                if !state.isSet { state.waiting.append(continuation) }
                return state.isSet
            }
            if isSet { continuation.resume() }
        }
    }
}
