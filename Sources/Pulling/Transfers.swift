internal import Coordination
internal import OCI
internal import Registry
internal import Storage

/// Brings blobs into the store: one transfer per digest, however many pulls want it, as many at once as the limits
/// allow.
///
/// Equal wants from one repository share a transfer, which ends when the last of them leaves. Wants of one digest from
/// different repositories meet in the store: one fills, and if its source fails the next goes on with the bytes held.
final class Transfers: Sendable {
    private struct Key: Hashable, Sendable {
        let digest: Digest
        let repository: Repository
        let credential: Credential?
    }

    private let fetcher: any Fetcher
    private let store: any ContentStore
    private let slots: SlotQueue
    private let flights = SingleFlight<Key, Void>()
    private let watch = TransferWatch()
    private let governors: StreamGovernors
    /// Blobs of more bytes are fetched in parts.
    private let rangeThreshold: Int64
    /// Which lanes bring which blobs now, and on whose behalf.
    private let lanes = Locked<[Digest: [(lane: UInt64, purpose: FetchPurpose)]]>([:])

    init(
        fetcher: any Fetcher, store: any ContentStore, slots: SlotQueue, maximumStreams: Int, rangeThreshold: Int64
    ) {
        self.fetcher = fetcher
        self.store = store
        self.slots = slots
        self.rangeThreshold = rangeThreshold
        governors = StreamGovernors(limit: maximumStreams)
    }

    /// Returns when the blob is in the store, whole and durable.
    ///
    /// `lane` is the pull it belongs to: free slots go round the lanes, so that a pull of many layers does not starve
    /// one of few. `observe` is called from any thread, and hears of the transfer even if another pull began it.
    func bring(
        _ descriptor: Descriptor, from source: TransferSource, lane: UInt64,
        observe: @escaping @Sendable (TransferStep) -> Void
    ) async throws {
        let token = watch.add(descriptor.digest, observe)
        defer { watch.remove(descriptor.digest, token) }
        // Who waits for what a warming pull began is not to wait as long as that one would.
        for other in enter(lane, source.purpose, descriptor.digest) where source.purpose == .interactive {
            slots.raise(lane: other, to: FetchPurpose.interactive.rawValue)
        }
        defer { leave(lane, descriptor.digest) }
        let key = Key(digest: descriptor.digest, repository: source.repository, credential: source.credential)
        try await flights.run(key) { [self] in
            try await transfer(descriptor, from: source, lane: lane)
        }
    }

    private func enter(_ lane: UInt64, _ purpose: FetchPurpose, _ digest: Digest) -> [UInt64] {
        lanes.withLock { lanes in
            defer { lanes[digest, default: []].append((lane, purpose)) }
            return (lanes[digest] ?? []).map(\.lane)
        }
    }

    /// The pace at which a blob's bytes may come now: none holds once somebody waits for them.
    private func pace(of digest: Digest, _ source: TransferSource) -> @Sendable () -> Pace? {
        guard let pace = source.pace else { return { nil } }
        return { [self] in
            let isWaitedFor = lanes.withLock { $0[digest]?.contains { $0.purpose == .interactive } ?? false }
            return isWaitedFor ? nil : pace
        }
    }

    private func leave(_ lane: UInt64, _ digest: Digest) {
        lanes.withLock { lanes in
            guard var rest = lanes[digest], let place = rest.firstIndex(where: { $0.lane == lane })
            else { return }
            rest.remove(at: place)
            lanes[digest] = rest.isEmpty ? nil : rest
        }
    }

    /// A digest that is wrong over bytes of several answers says only that they may not belong together: once, all of
    /// it is fetched anew, in one go. Wrong over bytes that came in one go is final.
    private func transfer(_ descriptor: Descriptor, from source: TransferSource, lane: UInt64) async throws {
        let resumed = Locked(false)
        do {
            try await attempt(descriptor, from: source, lane: lane, inParts: true, resumed: resumed)
        } catch let fault as any Fault where fault.kind == .integrity && resumed.withLock({ $0 }) {
            try await attempt(descriptor, from: source, lane: lane, inParts: false, resumed: Locked(false))
        }
    }

    private func attempt(
        _ descriptor: Descriptor, from source: TransferSource, lane: UInt64, inParts: Bool, resumed: Locked<Bool>
    ) async throws {
        try await store.ingest(descriptor, from: source.repository.description) { [self] writer in
            if let inline = descriptor.data {
                return try writer.replace(with: inline)
            }
            try await fill(writer, descriptor, from: source, lane: lane, inParts: inParts, resumed: resumed)
            watch.tell(descriptor.digest, .verifying)
        }
    }

    private func fill(
        _ writer: any BlobWriter, _ descriptor: Descriptor, from source: TransferSource, lane: UInt64, inParts: Bool,
        resumed: Locked<Bool>
    ) async throws {
        let progress = BlobProgress(descriptor, held: writer.held, watch: watch)
        let hasGaps = writer.missing != [writer.offset..<descriptor.size]
        if inParts, descriptor.size > rangeThreshold || hasGaps {
            resumed.withLock { $0 = true }
            let context = RangedTransfer.Context(
                fetcher: fetcher, slots: slots, governors: governors, lane: lane, source: source,
                pace: pace(of: descriptor.digest, source))
            do {
                return try await RangedTransfer(descriptor, writer: writer, progress: progress, context: context).run()
            } catch is PartsUnavailable {}
        }
        // In order from here on, which bytes farther on would stand in the way of.
        if writer.missing != [writer.offset..<descriptor.size] {
            try writer.restart()
            progress.restarted()
        }
        let host = source.repository.domain
        try await slots.withSlot(key: host, lane: lane, priority: source.purpose.rawValue) {
            let meter = StreamMeter(governors, host: host)
            defer { meter.end() }
            let receiver = IngestReceiver(
                writer: writer, progress: progress, meter: meter, resumed: resumed,
                pacing: pace(of: descriptor.digest, source))
            try await fetcher.blob(descriptor, in: source.repository, credential: source.credential, into: receiver)
        }
    }
}

extension BlobWriter {
    /// Stores a blob that is at hand as a whole, whatever an earlier attempt left.
    func replace(with bytes: [UInt8]) throws {
        if held > 0 { try restart() }
        let span = bytes.span
        try append(span.bytes)
    }
}

/// Where a blob comes from.
struct TransferSource: Sendable {
    let repository: Repository
    let credential: Credential?
    /// On whose behalf: people come before programs that keep images warm.
    var purpose = FetchPurpose.interactive
    /// How fast it may be brought while nobody waits for it.
    var pace: Pace?
}

/// One step of a transfer, as its watchers hear it.
enum TransferStep: Sendable {
    /// Bytes held, and how many of them just came over the network.
    case received(held: Int64, fresh: Int64)
    case retrying(after: Duration)
    case verifying
}

/// Who wants to hear of which transfer. The curl thread tells it, so it is a lock and not an actor.
final class TransferWatch: Sendable {
    private struct State {
        var next: UInt64 = 0
        var watchers: [Digest: [UInt64: @Sendable (TransferStep) -> Void]] = [:]
    }

    private let state = Locked(State())

    func add(_ digest: Digest, _ observe: @escaping @Sendable (TransferStep) -> Void) -> UInt64 {
        state.withLock { state in
            state.next += 1
            state.watchers[digest, default: [:]][state.next] = observe
            return state.next
        }
    }

    func remove(_ digest: Digest, _ token: UInt64) {
        state.withLock { state in
            state.watchers[digest]?[token] = nil
            if state.watchers[digest]?.isEmpty == true { state.watchers[digest] = nil }
        }
    }

    /// The watchers are called outside the lock: they take locks of their own.
    func tell(_ digest: Digest, _ step: TransferStep) {
        let watchers = state.withLock { state in state.watchers[digest].map { Array($0.values) } ?? [] }
        for watcher in watchers { watcher(step) }
    }
}
