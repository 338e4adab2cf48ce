internal import Glibc

/// How fast bytes come, smoothed: an average in which a sample weighs less the older it is.
///
/// A pure value: the caller says what time it is.
struct RateMeter: Sendable, Equatable {
    /// After this long a sample weighs 37 %: short enough to follow a change, long enough for a figure that can be read.
    static let timeConstant: Duration = .seconds(3)
    /// Steps shorter than this are added up first: bytes come in bursts, and over a millisecond any rate can be seen.
    static let shortestStep: Duration = .milliseconds(200)

    private var last: (bytes: Int64, time: Duration)
    /// The weighted sum of the samples' rates, and of their weights: at first there are too few for a weight of 1.
    private var sum = 0.0
    private var weight = 0.0

    /// - Parameters:
    ///   - bytes: that had come at `time`.
    ///   - time: since any fixed moment.
    init(bytes: Int64, at time: Duration) { last = (bytes, time) }

    /// Takes in how many bytes have come in all. Fewer than before means that a transfer began anew: no rate is negative.
    mutating func take(bytes: Int64, at time: Duration) {
        guard bytes >= last.bytes else {
            last.bytes = bytes
            return
        }
        let step = time - last.time
        guard step >= RateMeter.shortestStep else { return }
        let rate = Double(bytes - last.bytes) / (step / .seconds(1))
        let kept = exp(-(step / RateMeter.timeConstant))
        sum = sum * kept + rate * (1 - kept)
        weight = weight * kept + (1 - kept)
        last = (bytes, time)
    }

    /// Bytes a second; nil while too little time has passed to tell.
    var bytesPerSecond: Int64? {
        guard weight > 0 else { return nil }
        return Int64(exactly: (sum / weight).rounded())
    }

    /// Seconds until `bytes` more will have come, rounded up; nil when it cannot be told.
    func seconds(for bytes: Int64) -> Int64? {
        if bytes <= 0 { return 0 }
        guard weight > 0, sum > 0 else { return nil }
        return Int64(exactly: (Double(bytes) / (sum / weight)).rounded(.up))
    }

    static func == (left: RateMeter, right: RateMeter) -> Bool {
        left.last == right.last && left.sum == right.sum && left.weight == right.weight
    }
}
