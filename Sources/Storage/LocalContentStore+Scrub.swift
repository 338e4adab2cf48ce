internal import Coordination
internal import Glibc
internal import Hashing
public import OCI
internal import SystemPackage

/// What re-reading one blob came to.
public enum ScrubVerdict: Sendable, Equatable {
    case intact
    /// It is not what its name says, or cannot be read.
    case damaged(reason: String)
    /// It was removed meanwhile.
    case gone
}

/// A store whose blobs can be read again from the medium.
public protocol BlobScrubbing: Sendable {
    /// All blobs, in no order.
    func blobs() async throws -> [(digest: Digest, size: Int64)]
    /// Reads and hashes one blob past the page cache, at `rate` bytes a second at most.
    /// - Parameter keeping: leaves a damaged one where it is, instead of putting it into quarantine.
    /// - Throws: a ``Fault`` of the store as such; a damaged blob is none.
    func scrub(_ digest: Digest, rate: Int64, keeping: Bool) async throws -> ScrubVerdict
}

extension LocalContentStore: BlobScrubbing {
    private static let piece = 1 << 20

    public func scrub(_ digest: Digest, rate: Int64, keeping: Bool) async throws -> ScrubVerdict {
        let path = layout.blob(digest)
        guard let status = try await lookups.run({ try FileStatus.of(path) }) else { return .gone }
        guard status.kind == .regular else {
            return try await condemn(digest, status, "it is no regular file", keeping)
        }
        let file: OpenFile
        do {
            file = try await lookups.run { try OpenFile(path, O_RDONLY, to: "open") }
        } catch let error as StorageError where error.isNoSuchFile { return .gone }
        file.dropCache()
        let actual: Digest
        do {
            actual = try await hash(file, status.size, digest.algorithm, rate: rate)
        } catch let error as StorageError { return try await condemn(digest, status, "\(error)", keeping) }
        file.dropCache()
        guard actual == digest else { return try await condemn(digest, status, "its bytes hash to \(actual)", keeping) }
        trust.note(digest, status)
        return .intact
    }

    /// Piece by piece, with a pause after each that the rate asks for, so that others get the disk and the thread.
    private func hash(
        _ file: OpenFile, _ size: Int64, _ algorithm: Digest.Algorithm, rate: Int64
    ) async throws -> Digest {
        let digester = Locked(Digester(algorithm))
        let clock = ContinuousClock()
        let begun = clock.now
        var offset: Int64 = 0
        while offset < size {
            let (at, wanted) = (offset, Int(min(Int64(Self.piece), size - offset)))
            try await labours.run {
                var buffer = [UInt8](repeating: 0, count: wanted)
                guard try file.read(wanted, into: &buffer, at: at) == wanted else {
                    throw StorageError.system(SystemFailure("read", file.path, .ioError))
                }
                digester.withLock { $0.update(buffer.span.bytes) }
            }
            offset += Int64(wanted)
            let due = begun + .milliseconds(offset * 1000 / max(1, rate))
            if due > clock.now { try await Task.sleep(until: due, clock: clock) }
        }
        return digester.withLock { $0.finalize() }
    }

    private func condemn(
        _ digest: Digest, _ status: FileStatus, _ reason: String, _ keeping: Bool
    ) async throws -> ScrubVerdict {
        if !keeping { try await setAside(digest, seen: status) }
        return .damaged(reason: reason)
    }
}
