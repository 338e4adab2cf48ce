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
        /// Which ingest is followed, and whether it is known by now how far that one is.
        var source: UInt64 = 0
        var isJoined = false
        /// How often that ingest threw its bytes away, and what became of them.
        var restarts = 0
        var repeated: [IngestProgress.Repeated] = []
        /// Counts how often bytes that readers may have had were thrown away; `base` is the count at the ingest's
        /// first byte.
        var generation = 0
        var base = 0
        var end: Result<Void, any Error>?
        var next: UInt64 = 0
        var waits: [UInt64: (event: Event, wait: Wait<Void>)] = [:]
    }

    /// What a reader waits for.
    private enum Event {
        /// Bytes beyond a place that may be sent.
        case bytes(beyond: Int64)
        /// The first byte that comes at all.
        case first
        /// Whether bytes it has had come again the same.
        case verdict
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
        let source = state.withLock { state in
            state.source += 1
            state.isJoined = false
            return state.source
        }
        // The writer lets its watchers go when it ends.
        _ = writer.watch { [weak self, weak writer] progress in
            if let writer { self?.hear(progress, of: writer, from: source) }
        }
        join(writer, source)
        // What was told before that, nobody heard.
        hear(writer.progress, of: writer, from: source)
    }

    private func join(_ writer: IngestWriter, _ source: UInt64) {
        // Without a descriptor to spare, readers get everything at the end.
        guard let (now, file) = Self.look(at: writer) else { return }
        change { state in
            guard state.source == source else { return }
            let continues = now.restarts == 0 && now.prefix >= state.prefix
            state.generation += continues ? 0 : 1 + now.restarts
            state.base = state.generation - now.restarts
            (state.restarts, state.prefix, state.repeated) = (now.restarts, now.prefix, now.repeated)
            (state.file, state.isJoined) = (file, true)
        }
    }

    /// How far it is, and the file that this is true of.
    private static func look(at writer: IngestWriter) -> (IngestProgress, BlobFile)? {
        do {
            while true {
                let before = writer.progress
                let file = try writer.file.shared(size: writer.size, isVerified: false)
                if writer.progress.restarts == before.restarts { return (before, file) }
            }
        } catch { return nil }
    }

    /// Changes may be told in another order than they came in.
    private func hear(_ progress: IngestProgress, of writer: IngestWriter, from source: UInt64) {
        let isAnew = state.withLock { $0.isJoined && $0.source == source && $0.restarts < progress.restarts }
        // A restart puts another file in the place of the one that readers have.
        let anew = isAnew ? Self.look(at: writer) : nil
        change { state in
            guard state.isJoined, state.source == source else { return }
            if let (now, file) = anew, state.restarts < now.restarts {
                (state.restarts, state.prefix, state.repeated) = (now.restarts, now.prefix, now.repeated)
                state.generation = state.base + now.restarts
                state.file = file
            } else if progress.restarts == state.restarts {
                state.prefix = max(state.prefix, progress.prefix)
                for (place, verdict) in progress.repeated.enumerated() where verdict != .unknown {
                    state.repeated[place] = verdict
                }
            }
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
            let before = (state.generation, state.repeated)
            body(&state)
            if state.waits.isEmpty { return [] }
            let known = available(state)
            let isNews = state.end != nil || before != (state.generation, state.repeated)
            let woken = state.waits.filter { _, waiting in
                if isNews { return true }
                return switch waiting.event {
                case .bytes(let place): known > place
                case .first: state.prefix > 0
                case .verdict: false
                }
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
        fileprivate var generation: Int?

        /// - Precondition: `range` lies within the blob.
        public init(_ range: Range<Int64>) {
            offset = range.lowerBound
            end = range.upperBound
        }
    }

    /// The next bytes for this reader, as many as there are; waits for some. `nil` at the end of its range.
    /// When bytes that it had were thrown away, it waits until as many have come again, and goes on if they are the
    /// same.
    /// - Throws: what ended the transfer; ``FollowingError/restarted(_:)`` when other bytes came in their place;
    ///   `CancellationError`.
    public func next(_ cursor: inout Cursor) async throws -> Piece? {
        while cursor.offset < cursor.end {
            let offset = cursor.offset
            let wait = Wait<Void>()
            let (found, id) = try state.withLock { state -> (Piece?, UInt64) in
                guard try isCurrent(&cursor, state) else { return (nil, Self.enter(wait, .verdict, &state)) }
                if let piece = try piece(from: offset, before: cursor.end, state) {
                    cursor.generation = state.generation
                    return (piece, 0)
                }
                return (nil, Self.enter(wait, .bytes(beyond: offset), &state))
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
            return Self.enter(wait, .first, &state)
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

    /// Whether what this reader has had is what the present bytes begin with; false when that is not known yet.
    private func isCurrent(_ cursor: inout Cursor, _ state: State) throws -> Bool {
        guard let generation = cursor.generation, generation != state.generation else { return true }
        let place = generation - state.base
        guard state.repeated.indices.contains(place) else { throw FollowingError.restarted(digest) }
        switch state.repeated[place] {
        case .same(let count) where cursor.offset <= count:
            cursor.generation = state.generation
            return true
        case .same, .other: throw FollowingError.restarted(digest)
        case .unknown:
            switch state.end {
            case .success: throw FollowingError.restarted(digest)
            case .failure(let error): throw error
            case nil: return false
            }
        }
    }

    private static func enter(_ wait: Wait<Void>, _ event: Event, _ state: inout State) -> UInt64 {
        state.next += 1
        state.waits[state.next] = (event, wait)
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
