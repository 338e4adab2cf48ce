internal import Coordination

/// Decides how many streams one registry is asked for at a time: it begins with those that have a blob of their own,
/// and grants more while that makes all of them together faster.
///
/// A value without a clock: whoever owns it tells the time.
struct StreamGovernor: Sendable {
    struct Tuning: Sendable {
        /// How long goodput is measured before it is judged, and how long a new stream may take to its first byte.
        var window: Duration = .milliseconds(80)
        var patience: Duration = .milliseconds(600)
        /// After more streams made nothing faster, that is believed for so long.
        var rest: Duration = .seconds(2)
        /// Streams twice as many should be twice as fast; this much of that is enough to go on.
        var worthwhile = 0.3
        /// Bytes a second that no connection's window holds back: whoever is that fast is bounded by something else.
        var fast = 128.0 * 1_048_576
    }

    private enum Phase: Equatable {
        case measuring
        /// Streams were added to `before`, which brought `rate`.
        case trying(before: Int, rate: Double)
        case resting(until: Duration)
    }

    private let tuning: Tuning
    private let limit: Int
    private var phase = Phase.measuring
    /// Streams that are wanted at a time.
    private(set) var target = 1
    private(set) var active = 0
    /// Streams whose first byte is awaited.
    private var starting = 0
    private var windowStart: Duration?
    private var windowBytes: Int64 = 0
    private var lastStart: Duration = .zero

    init(limit: Int, tuning: Tuning = Tuning()) {
        self.limit = limit
        self.tuning = tuning
    }

    /// A stream begins.
    mutating func began(at moment: Duration) {
        active += 1
        starting += 1
        lastStart = moment
        windowStart = nil
    }

    /// A stream has its first byte.
    mutating func started() { starting = max(0, starting - 1) }

    /// A stream is over; `isStarted` when it had its first byte.
    mutating func ended(isStarted: Bool) {
        active = max(0, active - 1)
        if !isStarted { starting = max(0, starting - 1) }
        windowStart = nil
        if active == 0 { self = StreamGovernor(limit: limit, tuning: tuning) }
    }

    /// Whether a stream that is between two requests may go on, one of those that were added.
    var keepsExtra: Bool { active <= target }

    /// How many more streams may begin now, at most `wanted`. They count as begun.
    mutating func grant(_ wanted: Int, at moment: Duration) -> Int {
        let count = min(wanted, target - active)
        guard count > 0 else { return 0 }
        for _ in 0..<count { began(at: moment) }
        return count
    }

    /// Bytes came.
    mutating func received(_ count: Int, at moment: Duration) {
        guard starting == 0 || moment - lastStart > tuning.patience else { return }
        guard let start = windowStart else {
            windowStart = moment
            windowBytes = 0
            return
        }
        windowBytes += Int64(count)
        guard moment - start >= tuning.window else { return }
        judge(Double(windowBytes) / seconds(moment - start), at: moment)
        windowStart = nil
    }

    private mutating func judge(_ rate: Double, at moment: Duration) {
        switch phase {
        case .resting(let until):
            if moment >= until { phase = .measuring }
        case .measuring:
            guard active > 0, rate / Double(active) < tuning.fast else { return }
            more(than: active, rate)
        case .trying(let before, let earlier):
            // Those granted may not all have begun, for want of slots or of work.
            guard active > before else { return more(than: active, rate) }
            let hoped = Double(active) / Double(before) - 1
            if rate >= earlier * (1 + tuning.worthwhile * hoped) {
                more(than: active, rate)
            } else {
                target = before
                phase = .resting(until: moment + tuning.rest)
            }
        }
    }

    private mutating func more(than count: Int, _ rate: Double) {
        target = min(limit, count * 2)
        phase = target > count ? .trying(before: count, rate: rate) : .measuring
    }
}

private func seconds(_ duration: Duration) -> Double {
    let (seconds, attoseconds) = duration.components
    return max(Double(seconds) + Double(attoseconds) / 1e18, 1e-6)
}

/// The governors, by registry. The curl thread asks them, so it is a lock and not an actor.
final class StreamGovernors: Sendable {
    private let governors = Locked<[String: StreamGovernor]>([:])
    private let limit: Int
    private let start = ContinuousClock.now

    init(limit: Int) { self.limit = limit }

    func began(_ host: String) { change(host) { $0.began(at: $1) } }
    func started(_ host: String) { change(host) { governor, _ in governor.started() } }
    func ended(_ host: String, isStarted: Bool) {
        change(host) { governor, _ in governor.ended(isStarted: isStarted) }
    }
    func keepsExtra(_ host: String) -> Bool { change(host) { governor, _ in governor.keepsExtra } }

    /// Counts bytes, and says how many more streams their blob may begin, at most `wanted`.
    func received(_ count: Int, from host: String, wanted: Int) -> Int {
        change(host) { governor, moment in
            governor.received(count, at: moment)
            return wanted > 0 ? governor.grant(wanted, at: moment) : 0
        }
    }

    @discardableResult
    private func change<Result: Sendable>(
        _ host: String, _ body: (inout StreamGovernor, Duration) -> Result
    ) -> Result {
        let moment = start.duration(to: .now)
        return governors.withLock { body(&$0[host, default: StreamGovernor(limit: limit)], moment) }
    }
}
