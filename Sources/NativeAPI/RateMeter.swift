internal import Glibc

/// How fast bytes come: a mean over the last few seconds, in which older ones weigh less and less.
///
/// A value without a clock: the caller says what time it is.
struct RateMeter: Sendable {
    /// After this time an old figure has lost two thirds of its weight: calm enough to read, quick enough to trust.
    static let window: Duration = .seconds(3)
    /// Readings closer together say more of buffers than of the line.
    static let step: Duration = .milliseconds(200)

    private var last: (bytes: Int64, at: ContinuousClock.Instant)?
    private var perSecond: Double?

    /// Takes a reading of the bytes so far.
    mutating func take(_ bytes: Int64, at now: ContinuousClock.Instant) {
        guard let last else { return self.last = (bytes, now) }
        let elapsed = last.at.duration(to: now) / .seconds(1)
        guard elapsed >= RateMeter.step / .seconds(1) else { return }
        // A transfer that began again has fewer bytes than before; that is no negative speed.
        let rate = Double(max(bytes - last.bytes, 0)) / elapsed
        let weight = 1 - exp(-elapsed / (RateMeter.window / .seconds(1)))
        perSecond = perSecond.map { $0 + (rate - $0) * weight } ?? rate
        self.last = (bytes, now)
    }

    /// Bytes per second; `nil` before the second reading.
    var bytesPerSecond: Int64? { perSecond.map { Int64($0.rounded()) } }

    /// Whole seconds until so many more bytes have come, rounded up; `nil` when nothing comes.
    func secondsLeft(for bytes: Int64) -> Int64? {
        guard let perSecond, perSecond >= 1 else { return nil }
        let seconds = (Double(max(bytes, 0)) / perSecond).rounded(.up)
        return seconds < 1e9 ? Int64(seconds) : nil
    }
}
