// Observability: figures that the daemon counts of itself, and their text for Prometheus. Counting is an atomic
// addition and never waits. No type of another domain comes in here: labels are text.

internal import Synchronization

/// Only goes up, from 0 at the start of the process.
public final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    init() {}

    /// Adds; what is negative is taken for 0, for a counter never falls.
    public func add(_ amount: Int64 = 1) {
        if amount > 0 { count.wrappingAdd(UInt64(amount), ordering: .relaxed) }
    }

    public var value: UInt64 { count.load(ordering: .relaxed) }
}

/// Goes up and down.
public final class Gauge: Sendable {
    private let level = Atomic<Int64>(0)

    init() {}

    public func add(_ amount: Int64) { level.wrappingAdd(amount, ordering: .relaxed) }

    public func set(_ value: Int64) { level.store(value, ordering: .relaxed) }

    public var value: Int64 { level.load(ordering: .relaxed) }
}

/// How many observations were at most so many seconds.
public final class Histogram: Sendable {
    /// Upper bounds in seconds: from what a lookup takes to what a large pull takes.
    public static let bounds: [Double] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300]

    private let buckets: [Counter] = bounds.map { _ in Counter() }
    private let beyond = Counter()
    private let microseconds = Counter()

    init() {}

    /// Takes one observation; a negative one counts as 0.
    public func observe(_ duration: Duration) {
        let seconds = max(duration / .seconds(1), 0)
        let place = Self.bounds.firstIndex { seconds <= $0 }
        (place.map { buckets[$0] } ?? beyond).add()
        microseconds.add(Int64(min(seconds * 1e6, 1e15)))
    }

    /// One reading: how many fell at or below each bound, how many in all, and the seconds together.
    var reading: (cumulative: [UInt64], count: UInt64, sum: Double) {
        var running: UInt64 = 0
        let cumulative = buckets.map { bucket in
            running += bucket.value
            return running
        }
        return (cumulative, running + beyond.value, Double(microseconds.value) / 1e6)
    }
}
