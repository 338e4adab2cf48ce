internal import Coordination
internal import Transport

/// Where the parts of one blob are had: a redirect is followed once for all of them, and asked for anew when its place
/// has expired or answers badly. One for each transfer of a blob.
public final class BlobRoute: Sendable {
    /// Where a place redirected to, and what is known of the bytes there.
    struct Target: Sendable {
        var address: WebAddress
        /// Whether it may be inside this machine's own network.
        var isInside: Bool
        /// A strong validator of the bytes there (RFC 9110 §8.8).
        var validator: String?
        /// Seconds of the timeline.
        var until: Duration
    }

    /// How long a place is good for that does not say so.
    private static let unsaid: Duration = .seconds(60)
    private static let longest: Duration = .seconds(600)
    /// A request takes time to arrive.
    private static let margin: Duration = .seconds(5)

    private let targets = Locked<[WebAddress: Target]>([:])

    /// Knows no place yet.
    public init() {}

    func target(of question: WebAddress, at moment: Duration) -> Target? {
        targets.withLock { targets in
            guard let target = targets[question], target.until > moment else {
                targets[question] = nil
                return nil
            }
            return target
        }
    }

    /// Remembers where `question` was answered.
    /// - Parameter now: seconds since 1970.
    func learn(
        _ question: WebAddress, at address: WebAddress, isInside: Bool, _ head: HTTPResponseHead, moment: Duration,
        now: Int64
    ) {
        let life = min(BlobRoute.life(of: address, now: now) ?? BlobRoute.unsaid, BlobRoute.longest)
        let tag = head.headers.first("ETag").flatMap { $0.hasPrefix("\"") ? $0 : nil }
        let target = Target(
            address: address, isInside: isInside, validator: tag, until: moment + life - BlobRoute.margin)
        targets.withLock { $0[question] = target }
    }

    func forget(_ question: WebAddress) { targets.withLock { $0[question] = nil } }

    /// How long a signed URL says that it is good: CloudFront and the older S3 name the end, the newer S3 and Google
    /// the span.
    private static func life(of address: WebAddress, now: Int64) -> Duration? {
        for parameter in (address.query ?? "").split(separator: "&") {
            let halves = parameter.split(separator: "=", maxSplits: 1)
            guard halves.count == 2, let number = Int64(halves[1]) else { continue }
            switch halves[0].lowercased() {
            case "expires": return .seconds(max(0, number.subtractingReportingOverflow(now).partialValue))
            case "x-amz-expires", "x-goog-expires": return .seconds(max(0, number))
            default: continue
            }
        }
        return nil
    }
}
