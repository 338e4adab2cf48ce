internal import Coordination
internal import OCI
internal import Registry
internal import Storage

/// Counts the bytes of one blob as they come and tells the watchers, not at every 16 KiB that curl delivers but in
/// steps a person could notice: 1 % of the blob, at most 512 KiB (docker's rule), and the last byte.
final class BlobProgress: Sendable {
    private let descriptor: Descriptor
    private let watch: TransferWatch
    private let step: Int64
    private let state: Locked<(held: Int64, told: Int64, fresh: Int64)>

    init(_ descriptor: Descriptor, held: Int64, watch: TransferWatch) {
        self.descriptor = descriptor
        self.watch = watch
        step = min(max(descriptor.size / 100, 1), 512 << 10)
        state = Locked((held, held, 0))
        watch.tell(descriptor.digest, .received(held: held, fresh: 0))
    }

    func received(_ count: Int) {
        let told = state.withLock { state -> (held: Int64, fresh: Int64)? in
            state.held += Int64(count)
            state.fresh += Int64(count)
            guard state.held - state.told >= step || state.held >= descriptor.size else { return nil }
            defer { (state.told, state.fresh) = (state.held, 0) }
            return (state.held, state.fresh)
        }
        if let told { watch.tell(descriptor.digest, .received(held: told.held, fresh: told.fresh)) }
    }

    /// All is begun anew.
    func restarted() {
        state.withLock { $0 = (0, 0, $0.fresh) }
        watch.tell(descriptor.digest, .received(held: 0, fresh: 0))
    }

    func retrying(after delay: Duration) { watch.tell(descriptor.digest, .retrying(after: delay)) }
}

/// Hands a whole blob's bytes to the store, in order.
final class IngestReceiver: BlobReceiver {
    private let writer: any BlobWriter
    private let progress: BlobProgress
    private let meter: StreamMeter
    /// Set when bytes of one attempt follow bytes of another.
    private let resumed: Locked<Bool>
    private let pacing: @Sendable () -> Pace?

    init(
        writer: any BlobWriter, progress: BlobProgress, meter: StreamMeter, resumed: Locked<Bool>,
        pacing: @escaping @Sendable () -> Pace? = { nil }
    ) {
        self.pacing = pacing
        self.writer = writer
        self.progress = progress
        self.meter = meter
        self.resumed = resumed
        let held = writer.offset
        resumed.withLock { $0 = held > 0 }
    }

    var offset: Int64 { writer.offset }
    var pace: Pace? { pacing() }

    func restart() throws {
        try writer.restart()
        resumed.withLock { $0 = false }
        progress.restarted()
    }

    func receive(_ bytes: RawSpan) throws {
        try writer.append(bytes)
        progress.received(bytes.byteCount)
        _ = meter.received(bytes.byteCount, wanted: 0)
    }

    func retrying(after delay: Duration, attempt: Int) {
        let held = writer.offset
        resumed.withLock { $0 = held > 0 }
        progress.retrying(after: delay)
    }
}

/// Hands a part of a blob to its place in the store.
final class PartReceiver: BlobReceiver {
    private let stretch: any BlobStretch
    private let progress: BlobProgress
    private let onBytes: @Sendable (Int) -> Void
    private let pacing: @Sendable () -> Pace?

    init(
        _ stretch: any BlobStretch, progress: BlobProgress, pacing: @escaping @Sendable () -> Pace?,
        onBytes: @escaping @Sendable (Int) -> Void
    ) {
        self.pacing = pacing
        self.stretch = stretch
        self.progress = progress
        self.onBytes = onBytes
    }

    var offset: Int64 { stretch.position }
    var pace: Pace? { pacing() }

    func restart() throws { throw PartsUnavailable() }

    func receive(_ bytes: RawSpan) throws {
        try stretch.append(bytes)
        progress.received(bytes.byteCount)
        onBytes(bytes.byteCount)
    }

    func retrying(after delay: Duration, attempt: Int) { progress.retrying(after: delay) }
}

/// One stream's account with the governor of its registry.
final class StreamMeter: Sendable {
    private let governors: StreamGovernors
    private let host: String
    private let hasStarted = Locked(false)

    /// A stream that begins now.
    init(_ governors: StreamGovernors, host: String) {
        self.governors = governors
        self.host = host
        governors.began(host)
    }

    /// A stream that the governor granted, and so has counted.
    init(granted governors: StreamGovernors, host: String) {
        self.governors = governors
        self.host = host
    }

    /// Counts bytes, and says how many more streams their blob may begin.
    func received(_ count: Int, wanted: Int) -> Int {
        let isFirst = hasStarted.withLock { started in
            defer { started = true }
            return !started
        }
        if isFirst { governors.started(host) }
        return governors.received(count, from: host, wanted: wanted)
    }

    var keepsExtra: Bool { governors.keepsExtra(host) }

    func end() { governors.ended(host, isStarted: hasStarted.withLock { $0 }) }
}
