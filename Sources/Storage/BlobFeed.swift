internal import Coordination
public import OCI

/// A blob's bytes while they become known: while a transfer brings them, or while a stored blob is hashed for the first
/// time. Any number of readers follow it, each from where it likes.
///
/// Readers get what there is without a gap, but the last ``withheld`` bytes only when the digest has been found right:
/// nobody can have all bytes of a blob that is not what its name says.
public final class BlobFeed: Sendable {
    /// Bytes at the end of a blob that are kept back until it is verified.
    public static let withheld: Int64 = 64 << 10

    private struct State {
        /// Where the bytes are. It keeps its descriptor when the blob gets its name.
        var file: BlobFile?
        /// Bytes from the beginning that are in the file, without a gap.
        var prefix: Int64 = 0
        /// Which ingest is followed, how often it threw its bytes away, and how many bytes there were before it.
        var source: UInt64 = 0
        var restarts = 0
        var before: Int64 = 0
        /// Counts how often bytes that readers may have had were thrown away.
        var generation: UInt64 = 0
        var end: Result<Void, any Error>?
        var next: UInt64 = 0
        /// Who waits for bytes that may be sent beyond a place, or, without a place, for the first that came at all.
        var waits: [UInt64: (beyond: Int64?, wait: Wait<Void>)] = [:]
    }

    public let digest: Digest
    /// Of the whole blob, in bytes.
    public let size: Int64
    private let state = Locked(State())

    init(_ digest: Digest, size: Int64) {
        self.digest = digest
        self.size = size
    }

    // MARK: for those who fill it

    /// Follows an ingest from now on. One that holds fewer bytes than there were before has thrown some away.
    func follow(_ writer: IngestWriter) {
        let file: BlobFile
        // Without a descriptor to spare, readers get everything at the end.
        do { file = try writer.file.shared(size: size, isVerified: false) } catch { return }
        let source = state.withLock { state in
            state.source += 1
            (state.before, state.prefix, state.restarts, state.file) = (max(state.prefix, state.before), 0, 0, nil)
            return state.source
        }
        let now = writer.watch { [weak self] progress in self?.hear(progress, from: source) }.now
        change { state in
            guard state.source == source else { return }
            Self.take(now, &state)
            state.file = file
            if state.prefix < state.before { state.generation += 1 }
            state.before = 0
        }
    }

    /// Changes may be told in another order than they came in.
    private func hear(_ progress: IngestProgress, from source: UInt64) {
        change { state in
            if state.source == source { Self.take(progress, &state) }
        }
    }

    private static func take(_ progress: IngestProgress, _ state: inout State) {
        if progress.restarts > state.restarts {
            if state.prefix > 0 { state.generation += 1 }
            state.restarts = progress.restarts
            state.prefix = progress.prefix
        } else if progress.restarts == state.restarts {
            state.prefix = max(state.prefix, progress.prefix)
        }
    }

    /// The bytes are in `file`, and will be told of by ``advance(to:)``.
    func begin(_ file: BlobFile) { change { $0.file = file } }

    /// So many bytes from the beginning are known.
    func advance(to prefix: Int64) { change { $0.prefix = prefix } }

    /// All bytes are in `file`, and they are those of the digest. The first end counts.
    func complete(_ file: BlobFile) { end(.success(()), file) }

    /// No more will come. The first end counts.
    public func fail(_ error: any Error) { end(.failure(error), nil) }

    private func end(_ result: Result<Void, any Error>, _ file: BlobFile?) {
        change { state in
            guard state.end == nil else { return }
            state.end = result
            if let file {
                state.file = file
                state.prefix = size
            }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let ready = state.withLock { state -> [Wait<Void>] in
            let before = state.generation
            body(&state)
            if state.waits.isEmpty { return [] }
            let known = available(state)
            let woken = state.waits.filter { _, waiting in
                if state.end != nil || state.generation != before { return true }
                return waiting.beyond.map { known > $0 } ?? (state.prefix > 0)
            }
            for id in woken.keys { state.waits[id] = nil }
            return woken.values.map(\.wait)
        }
        for wait in ready { wait.settle(.success(())) }
    }

    private func available(_ state: State) -> Int64 {
        if case .success = state.end { return size }
        return min(state.prefix, max(0, size - Self.withheld))
    }

    // MARK: for readers

    /// Some bytes of the blob that may be sent.
    public struct Piece: Sendable {
        /// For `sendfile` or `pread`; valid while `owner` lives.
        public let descriptor: Int32
        public let offset: Int64, length: Int64
        public let owner: any Sendable
    }

    /// One reader's place: the next byte, and the one to stop before.
    public struct Cursor: Sendable {
        fileprivate var offset: Int64
        fileprivate let end: Int64
        fileprivate var generation: UInt64?

        /// - Precondition: `range` lies within the blob.
        public init(_ range: Range<Int64>) {
            offset = range.lowerBound
            end = range.upperBound
        }
    }

    /// The next bytes for this reader, as many as there are; waits for some. `nil` at the end of its range.
    /// - Throws: what ended the transfer; ``FollowingError/restarted(_:)`` when bytes that it had before were thrown
    ///   away; `CancellationError`.
    public func next(_ cursor: inout Cursor) async throws -> Piece? {
        while cursor.offset < cursor.end {
            let offset = cursor.offset
            let wait = Wait<Void>()
            let (found, id) = try state.withLock { state -> (Piece?, UInt64) in
                if let generation = cursor.generation, generation != state.generation {
                    throw FollowingError.restarted(digest)
                }
                if let piece = try piece(from: offset, before: cursor.end, state) {
                    cursor.generation = state.generation
                    return (piece, 0)
                }
                return (nil, Self.enter(wait, beyond: offset, &state))
            }
            if let found {
                cursor.offset += found.length
                return found
            }
            try await waiting(wait, id)
        }
        return nil
    }

    /// Returns when there is something to send, or all that there is to know: that it is whole, or why it never will.
    public func begun() async throws {
        let wait = Wait<Void>()
        let id = state.withLock { state -> UInt64? in
            if state.end != nil || state.prefix > 0 { return nil }
            return Self.enter(wait, beyond: nil, &state)
        }
        if let id { try await waiting(wait, id) }
        if case .failure(let error) = state.withLock({ $0.end }) { throw error }
    }

    private func piece(from offset: Int64, before end: Int64, _ state: State) throws -> Piece? {
        let until = min(end, available(state))
        if until > offset, let file = state.file {
            return Piece(descriptor: file.descriptor, offset: offset, length: until - offset, owner: file)
        }
        if case .failure(let error) = state.end { throw error }
        return nil
    }

    private static func enter(_ wait: Wait<Void>, beyond offset: Int64?, _ state: inout State) -> UInt64 {
        state.next += 1
        state.waits[state.next] = (offset, wait)
        return state.next
    }

    private func waiting(_ wait: Wait<Void>, _ id: UInt64) async throws {
        do { try await wait.value() } catch {
            state.withLock { $0.waits[id] = nil }
            throw error
        }
    }
}

/// Why a reader cannot go on, though the blob may still come.
public enum FollowingError: Fault, Equatable {
    /// Bytes that this reader has had were thrown away, and others may come in their place.
    case restarted(Digest)

    public var kind: FaultKind { .unavailable(retryAfter: nil) }
    public var description: String {
        switch self {
        case .restarted(let digest): "the transfer of \(digest) began anew in the middle of a reading"
        }
    }
}
