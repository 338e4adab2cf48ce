internal import Coordination
internal import Transport

/// When a request that failed is made again: the one place that decides it.
public struct RetryPolicy: Sendable {
    /// Tries in a row without progress, the first included; at least one is made.
    public var attempts: Int
    /// The longest wait a server may ask for without the request being given up instead: somebody is waiting.
    public var longestWait: Duration
    private var backoff: Backoff
    private let random: @Sendable () -> Double

    /// Bytes that count as progress: less is what a broken path may let through for ever.
    static let progress: Int64 = 16 << 10

    /// Makes a policy.
    /// - Parameters:
    ///   - attempts: tries in a row without progress.
    ///   - base: longest wait before the first retry; it doubles with each.
    ///   - cap: longest wait before any.
    ///   - longestWait: how long a server's `Retry-After` is waited for.
    ///   - random: from 0 to 1, evenly distributed.
    public init(
        attempts: Int = 5, base: Duration = .seconds(1), cap: Duration = .seconds(30),
        longestWait: Duration = .seconds(60),
        random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
    ) {
        self.attempts = attempts
        self.longestWait = longestWait
        backoff = Backoff(base: base, cap: cap)
        self.random = random
    }

    /// For whoever has another place to ask: one more try, almost at once.
    var hurried: RetryPolicy {
        var policy = self
        policy.attempts = min(attempts, 2)
        policy.longestWait = .zero
        policy.backoff = backoff.capped(at: .milliseconds(250))
        return policy
    }

    /// The wait before the next try, after so many failures in a row; `nil` when the last one is final.
    func wait(after reason: RegistryError.Reason, failures: Int, of limit: Int) -> Duration? {
        guard failures < limit, RetryPolicy.canMend(reason) else { return nil }
        let own = backoff.delay(attempt: max(failures - 1, 0), random: random())
        guard let asked = reason.retryAfter else { return own }
        return asked <= longestWait ? max(asked, own) : nil
    }

    private static func canMend(_ reason: RegistryError.Reason) -> Bool {
        switch reason {
        case .rateLimited(_, let after, let isSpent): after != nil || !isSpent
        case .unavailable, .redirectRefused, .incomplete: true
        case .transport(let error):
            switch error {
            case .unreachable, .timedOut, .interrupted, .brokenReply: true
            case .invalidRequest, .misconfigured, .untrusted, .bodyTooLarge, .shutDown, .internalFailure: false
            }
        case .notConfigured, .misconfigured, .denied, .credentialsRefused, .noCredentials, .credentialsUnusable,
            .notFound, .refused, .untrustedRealm, .unsafeRedirect, .noToken, .mismatch, .document, .reserved:
            false
        }
    }
}

extension RegistryError.Reason {
    /// When the other side says to come back.
    var retryAfter: Duration? {
        switch self {
        case .rateLimited(_, let after, _), .unavailable(_, _, _, let after): after
        default: nil
        }
    }
}

/// Whether a place may be asked now, and how it fared: the circuit breaker, as a request sees it.
struct RetryGate {
    /// How long the place is to be left alone yet, and why.
    var pause: () -> (wait: Duration, reason: RegistryError.Reason)? = { nil }
    var failed: (RegistryError.Reason) -> Void = { _ in }
    /// Also of bytes that came before a failure.
    var worked: () -> Void = {}
    /// A pause is waited for, where there is no other place to ask.
    var waits = false
}

/// Who wants to hear of retries, and what they have to show for themselves.
struct RetryWatch {
    /// The furthest byte reached.
    var reached: () -> Int64 = { 0 }
    var retrying: (_ delay: Duration, _ attempt: Int) -> Void = { _, _ in }
}

extension RetryPolicy {
    /// Runs `body` until it succeeds, fails for good, or has failed `limit` times in a row without progress. Getting
    /// further than ever before is progress; fetching the same bytes again is not. What is `final` is not tried again.
    ///
    /// While the gate is shut, a first try fails at once, and a retry waits for it to open.
    func run<Result>(
        limit: Int, final: (RegistryError.Reason) -> Bool, timeline: Timeline, watch: RetryWatch,
        gate: RetryGate = RetryGate(), _ body: () async throws -> Result
    ) async throws -> Result {
        var failures = 0
        var hasTried = false
        var furthest = watch.reached()
        while true {
            if let (wait, reason) = gate.pause() {
                failures += 1
                guard hasTried, gate.waits, failures < limit else { throw reason.after(wait) }
                watch.retrying(wait, failures)
                try await timeline.sleep(wait)
                continue
            }
            hasTried = true
            do {
                let result = try await body()
                gate.worked()
                return result
            } catch let reason as RegistryError.Reason {
                let reached = watch.reached()
                if reached >= furthest + RetryPolicy.progress {
                    failures = 0
                    furthest = reached
                    gate.worked()
                } else {
                    failures += 1
                    gate.failed(reason)
                }
                guard !final(reason), let delay = wait(after: reason, failures: failures, of: limit) else {
                    throw reason
                }
                watch.retrying(delay, max(failures, 1))
                try await timeline.sleep(delay)
            }
        }
    }
}

extension RegistryError.Reason {
    /// The same, with the time when it may be another.
    fileprivate func after(_ wait: Duration) -> RegistryError.Reason {
        switch self {
        case .unavailable(let status, let host, let detail, _):
            .unavailable(status: status, by: host, detail: detail, retryAfter: wait)
        default: self
        }
    }
}

/// A clock as this room uses it: time since the start, and waiting. Monotonic, so a wall clock that jumps changes
/// nothing.
struct Timeline: Sendable {
    let elapsed: @Sendable () -> Duration
    let sleep: @Sendable (Duration) async throws -> Void

    init(_ clock: any Clock<Duration>) {
        self = Timeline.over(clock)
    }

    private init(
        elapsed: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.elapsed = elapsed
        self.sleep = sleep
    }

    private static func over<C: Clock<Duration>>(_ clock: C) -> Timeline {
        let start = clock.now
        return Timeline(
            elapsed: { start.duration(to: clock.now) }, sleep: { try await clock.sleep(for: $0, tolerance: nil) })
    }
}
