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

    init(fetcher: any Fetcher, store: any ContentStore, slots: SlotQueue) {
        self.fetcher = fetcher
        self.store = store
        self.slots = slots
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
        let key = Key(digest: descriptor.digest, repository: source.repository, credential: source.credential)
        try await flights.run(key) { [self] in
            try await transfer(descriptor, from: source, lane: lane)
        }
    }

    /// A digest that is wrong over bytes of several attempts says only that they may not belong together: once, all of
    /// it is fetched anew. Wrong over bytes that came in one go is final.
    private func transfer(_ descriptor: Descriptor, from source: TransferSource, lane: UInt64) async throws {
        let resumed = Locked(false)
        do {
            try await attempt(descriptor, from: source, lane: lane, resumed: resumed)
        } catch let fault as any Fault where fault.kind == .integrity && resumed.withLock({ $0 }) {
            try await attempt(descriptor, from: source, lane: lane, resumed: Locked(false))
        }
    }

    private func attempt(
        _ descriptor: Descriptor, from source: TransferSource, lane: UInt64, resumed: Locked<Bool>
    ) async throws {
        try await store.ingest(descriptor) { [self] writer in
            if let inline = descriptor.data {
                return try writer.replace(with: inline)
            }
            try await slots.withSlot(key: source.repository.domain, lane: lane) {
                let receiver = IngestReceiver(descriptor, writer: writer, watch: watch, resumed: resumed)
                try await fetcher.blob(
                    descriptor, in: source.repository, credential: source.credential, into: receiver)
            }
            watch.tell(descriptor.digest, .verifying)
        }
    }
}

extension BlobWriter {
    /// Stores a blob that is at hand as a whole, whatever an earlier attempt left.
    func replace(with bytes: [UInt8]) throws {
        if offset > 0 { try restart() }
        let span = bytes.span
        try append(span.bytes)
    }
}

/// Where a blob comes from.
struct TransferSource: Sendable {
    let repository: Repository
    let credential: Credential?
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

/// Hands the registry's bytes to the store and tells the watchers, not at every 16 KiB that curl delivers but in
/// steps a person could notice: 1 % of the blob, at most 512 KiB (docker's rule), and the last byte.
private final class IngestReceiver: BlobReceiver {
    private let descriptor: Descriptor
    private let writer: any BlobWriter
    private let watch: TransferWatch
    private let step: Int64
    /// Set when bytes of one attempt follow bytes of another.
    private let resumed: Locked<Bool>
    private let progress = Locked((told: Int64(0), fresh: Int64(0)))

    init(_ descriptor: Descriptor, writer: any BlobWriter, watch: TransferWatch, resumed: Locked<Bool>) {
        self.descriptor = descriptor
        self.writer = writer
        self.watch = watch
        self.resumed = resumed
        let held = writer.offset
        resumed.withLock { $0 = held > 0 }
        step = min(max(descriptor.size / 100, 1), 512 << 10)
        watch.tell(descriptor.digest, .received(held: held, fresh: 0))
    }

    var offset: Int64 { writer.offset }

    func restart() throws {
        try writer.restart()
        resumed.withLock { $0 = false }
        progress.withLock { $0.told = 0 }
        watch.tell(descriptor.digest, .received(held: 0, fresh: 0))
    }

    func receive(_ bytes: RawSpan) throws {
        try writer.append(bytes)
        let held = writer.offset
        let count = Int64(bytes.byteCount)
        let fresh = progress.withLock { progress -> Int64? in
            progress.fresh += count
            guard held - progress.told >= step || held >= descriptor.size else { return nil }
            defer { progress = (held, 0) }
            return progress.fresh
        }
        if let fresh { watch.tell(descriptor.digest, .received(held: held, fresh: fresh)) }
    }

    func retrying(after delay: Duration, attempt: Int) {
        let held = writer.offset
        resumed.withLock { $0 = held > 0 }
        watch.tell(descriptor.digest, .retrying(after: delay))
    }
}
