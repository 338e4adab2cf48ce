internal import Coordination
internal import Glibc

/// A bound on the bytes that come in a time, for all transfers that share it.
///
/// A bucket that fills at the rate and holds an eighth of a second's worth, at least 64 KiB: in any time come at most
/// so many bytes as the rate says, and once what the bucket holds.
public final class Pace: Sendable {
    public let bytesPerSecond: Int64
    private let capacity: Double
    private let now: @Sendable () -> Duration
    private let bucket: Locked<(held: Double, at: Duration)>

    /// - Parameter now: a clock that never goes back.
    public init(bytesPerSecond: Int64, now: @escaping @Sendable () -> Duration = Pace.monotonic) {
        self.bytesPerSecond = max(1, bytesPerSecond)
        self.now = now
        capacity = max(Double(self.bytesPerSecond) / 8, 65_536)
        bucket = Locked((capacity, now()))
    }

    /// Takes `count` bytes out of the bucket and returns `nil`; or, when it does not hold so many, after which time to
    /// ask again. More than the bucket ever holds are let through when it is full.
    func wait(for count: Int) -> Duration? {
        let moment = now()
        return bucket.withLock { bucket in
            let passed = max(.zero, moment - bucket.at) / .seconds(1)
            bucket.held = min(capacity, bucket.held + passed * Double(bytesPerSecond))
            bucket.at = moment
            let missing = min(Double(count), capacity) - bucket.held
            guard missing > 0 else {
                bucket.held -= Double(count)
                return nil
            }
            return .seconds(missing / Double(bytesPerSecond))
        }
    }

    /// Since some moment before the program began.
    public static let monotonic: @Sendable () -> Duration = {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
