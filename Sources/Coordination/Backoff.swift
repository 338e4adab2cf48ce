/// How long to wait before trying again: up to twice as long each time, up to a cap, and anything from nothing to that
/// by chance ("full jitter"), so that many who failed together do not come back together.
public struct Backoff: Sendable {
    private let base: Duration
    private let cap: Duration

    /// - Parameters:
    ///   - base: longest wait before the first retry.
    ///   - cap: longest wait before any.
    public init(base: Duration, cap: Duration) {
        self.base = max(.zero, base)
        self.cap = max(.zero, cap)
    }

    /// The same, with no wait longer than `cap`.
    public func capped(at cap: Duration) -> Backoff { Backoff(base: base, cap: min(self.cap, cap)) }

    /// The wait before a retry.
    /// - Parameters:
    ///   - attempt: retries made before this one, from 0.
    ///   - random: from 0 to 1, evenly distributed; what lies outside counts as the nearer end.
    public func delay(attempt: Int, random: Double) -> Duration {
        var ceiling = min(base, cap)
        var doublings = attempt
        while doublings > 0, ceiling > .zero, cap > ceiling {
            ceiling = ceiling > cap / 2 ? cap : ceiling * 2
            doublings -= 1
        }
        return ceiling * (random > 0 ? min(random, 1) : 0)
    }
}
