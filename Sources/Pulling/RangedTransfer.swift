internal import Coordination
internal import OCI
internal import Registry
internal import Storage

/// Brings one large blob in parts: one stream takes part after part, and further ones join it while that makes the
/// whole faster and connections are free.
///
/// The first stream waits for its slots like any transfer, part by part, so that others get their turn; the further
/// ones take only what nobody waits for.
final class RangedTransfer: Sendable {
    struct Sizes: Sendable {
        /// Bytes of one request. Long ones lose less to round trips; short ones let the streams end together.
        var shortest: Int64 = 4 << 20, longest: Int64 = 16 << 20
    }

    struct Context: Sendable {
        let fetcher: any Fetcher
        let slots: SlotQueue
        let governors: StreamGovernors
        let lane: UInt64
        let source: TransferSource
        var pace: @Sendable () -> Pace? = { nil }
        var sizes = Sizes()
    }

    private struct State {
        var streams = 0
        /// Bytes that no stream has taken on.
        var unclaimed: Extents
        var unclaimedBytes: Int64
    }

    private let descriptor: Descriptor
    private let writer: any BlobWriter
    private let progress: BlobProgress
    private let context: Context
    private let route = BlobRoute()
    private let state: Locked<State>
    /// Says how many streams are to be added.
    private let additions: AsyncStream<Int>
    private let add: AsyncStream<Int>.Continuation

    init(_ descriptor: Descriptor, writer: any BlobWriter, progress: BlobProgress, context: Context) {
        self.descriptor = descriptor
        self.writer = writer
        self.progress = progress
        self.context = context
        let missing = writer.missing
        state = Locked(
            State(unclaimed: Extents(missing), unclaimedBytes: missing.reduce(0) { $0 + Int64($1.count) }))
        (additions, add) = AsyncStream.makeStream()
    }

    /// Returns when every byte is there.
    /// - Throws: ``PartsUnavailable``, a ``RegistryError``, what the writer threw, or `CancellationError`; the parts
    ///   that came stay.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            begin()
            group.addTask { [self] in try await ending { try await first() } }
            for await count in additions {
                for _ in 0..<count {
                    begin()
                    group.addTask { [self] in try await ending { try await further() } }
                }
            }
            try await group.waitForAll()
        }
    }

    private func begin() { state.withLock { $0.streams += 1 } }

    /// No streams are added after the last one's end, nor after a failure.
    private func ending(_ body: () async throws -> Void) async throws {
        do {
            try await body()
            let left = state.withLock { state in
                state.streams -= 1
                return state.streams
            }
            if left == 0 { add.finish() }
        } catch {
            add.finish()
            throw error
        }
    }

    private func first() async throws {
        let key = context.source.repository.domain
        let priority = context.source.purpose.rawValue
        let meter = StreamMeter(context.governors, host: key)
        defer { meter.end() }
        while state.withLock({ $0.unclaimedBytes > 0 }) {
            try await context.slots.withSlot(key: key, lane: context.lane, priority: priority) {
                if let range = claim() { try await fetch(range, meter) }
            }
        }
    }

    private func further() async throws {
        let meter = StreamMeter(granted: context.governors, host: context.source.repository.domain)
        defer { meter.end() }
        while state.withLock({ $0.unclaimedBytes > 0 }), meter.keepsExtra {
            let key = context.source.repository.domain
            let hadSlot: Bool? = try await context.slots.withFreeSlot(key: key) {
                if let range = claim() { try await fetch(range, meter) }
                return true
            }
            if hadSlot == nil { return }
        }
    }

    /// The next bytes to ask for: the first that nobody has taken on, so that the blob grows from its beginning.
    private func claim() -> Range<Int64>? {
        state.withLock { state in
            guard let gap = state.unclaimed.ranges.first else { return nil }
            let share = state.unclaimedBytes / Int64(2 * max(1, state.streams))
            let length = min(max(share, context.sizes.shortest), context.sizes.longest)
            // A rest too short to be worth a request goes with the last one.
            let isLast = Int64(gap.count) < length + context.sizes.shortest / 2
            let range = gap.lowerBound..<(isLast ? gap.upperBound : gap.lowerBound + length)
            state.unclaimed.remove(range)
            state.unclaimedBytes -= Int64(range.count)
            return range
        }
    }

    private func fetch(_ range: Range<Int64>, _ meter: StreamMeter) async throws {
        let stretch = try await writer.stretch(at: range.lowerBound)
        let receiver = PartReceiver(stretch, progress: progress, pacing: context.pace) { [self] count in
            let granted = meter.received(count, wanted: wanted)
            if granted > 0 { offer(granted) }
        }
        do {
            try await context.fetcher.part(
                range, of: descriptor, in: context.source.repository, credential: context.source.credential,
                route: route, into: receiver)
        } catch {
            // What came is kept; that the writer itself failed shows when the ingest ends.
            do { try stretch.close() } catch {}
            throw error
        }
        try stretch.close()
    }

    /// Streams for which there is work.
    private var wanted: Int {
        state.withLock { Int(($0.unclaimedBytes + context.sizes.shortest - 1) / context.sizes.shortest) }
    }

    /// Streams that nobody will begin any more are given back.
    private func offer(_ count: Int) {
        if case .enqueued = add.yield(count) { return }
        for _ in 0..<count {
            StreamMeter(granted: context.governors, host: context.source.repository.domain).end()
        }
    }
}
