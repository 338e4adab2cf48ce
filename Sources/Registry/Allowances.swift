internal import Coordination
public import OCI

/// What one registry says of one account's allowance, for status and metrics.
public struct AllowanceReport: Sendable, Equatable {
    /// The registry as references name it.
    public var registry: String
    /// The account; `nil` is everybody without one.
    public var account: String?
    /// What the last answer said; `nil` when it said only "no more".
    public var allowance: Allowance?
    /// Until when the registry is not asked for manifests, for it said "too many requests".
    public var coolingUntil: Timestamp?
}

/// Allowances by registry and account, and which of them are spent.
final class Allowances: Sendable {
    private struct Key: Hashable {
        let registry: String
        let account: String?
    }

    private struct Entry {
        var allowance: Allowance?
        /// When the window began in which the allowance is being spent, at the latest.
        var windowStart: Duration?
        var cooling: Cooling?
    }

    private struct Cooling {
        let until: Duration
        let detail: String
        /// The pull limit is reached, which stops manifests; else all requests are too many.
        let isSpent: Bool
    }

    private let entries = Locked<[Key: Entry]>([:])
    private let timeline: Timeline
    private let now: @Sendable () -> Timestamp

    init(timeline: Timeline, now: @escaping @Sendable () -> Timestamp) {
        self.timeline = timeline
        self.now = now
    }

    /// The newest of what `registry` said to any account.
    func newest(of registry: String) -> Allowance? {
        entries.withLock { entries in
            entries.filter { $0.key.registry == registry }.compactMap(\.value.allowance)
                .max { ($0.recorded.seconds, $0.recorded.nanoseconds) < ($1.recorded.seconds, $1.recorded.nanoseconds) }
        }
    }

    func allowance(of registry: String, _ credential: Credential) -> Allowance? {
        entries.withLock { $0[Key(registry: registry, account: credential.account)]?.allowance }
    }

    func reports() -> [AllowanceReport] {
        let (moment, now) = (timeline.elapsed(), now())
        return entries.withLock { entries in
            entries.map { key, entry in
                let until = entry.cooling.flatMap { $0.until > moment ? $0.until : nil }
                return AllowanceReport(
                    registry: key.registry, account: key.account, allowance: entry.allowance,
                    coolingUntil: until.map { now.advanced(by: $0 - moment) })
            }
        }.sorted { ($0.registry, $0.account ?? "") < ($1.registry, $1.account ?? "") }
    }

    /// Records what an answer said. That something is left ends a wait for it.
    func record(_ allowance: Allowance, of registry: String, _ credential: Credential) {
        let moment = timeline.elapsed()
        entries.withLock { entries in
            let key = Key(registry: registry, account: credential.account)
            var entry = entries[key] ?? Entry()
            if entry.windowStart == nil || (allowance.remaining ?? 0) > (entry.allowance?.remaining ?? 0) {
                entry.windowStart = moment
            }
            if (allowance.remaining ?? 0) > 0, entry.cooling?.isSpent == true { entry.cooling = nil }
            entry.allowance = allowance
            entries[key] = entry
        }
    }

    /// Takes a refusal to heart: what it refused is not asked for again before its time. Without a time of its own, a
    /// spent allowance is back when its window is over, at the latest.
    /// - Returns: the refusal, with the time.
    func refused(
        _ reason: RegistryError.Reason, of registry: String, _ credential: Credential
    ) -> RegistryError.Reason {
        guard case .rateLimited(let detail, let after, let isSpent) = reason else { return reason }
        let moment = timeline.elapsed()
        return entries.withLock { entries in
            let key = Key(registry: registry, account: credential.account)
            var entry = entries[key] ?? Entry()
            let window = entry.allowance?.window.map { max(.zero, (entry.windowStart ?? moment) + $0 - moment) }
            guard let wait = after ?? (isSpent ? window : nil), wait > .zero else { return reason }
            entry.cooling = Cooling(until: moment + wait, detail: detail, isSpent: isSpent)
            entries[key] = entry
            return .rateLimited(detail: detail, retryAfter: wait, isSpent: isSpent)
        }
    }

    /// The refusal that still holds, if the registry is not to be asked now.
    func standing(of registry: String, _ credential: Credential, forManifest: Bool) -> RegistryError.Reason? {
        let moment = timeline.elapsed()
        return entries.withLock { entries in
            let cooling = entries[Key(registry: registry, account: credential.account)]?.cooling
            guard let cooling, cooling.until > moment, forManifest || !cooling.isSpent else { return nil }
            return .rateLimited(detail: cooling.detail, retryAfter: cooling.until - moment, isSpent: cooling.isSpent)
        }
    }
}

extension Credential {
    /// Whose allowance is spent.
    var account: String? {
        switch self {
        case .anonymous: nil
        case .basic(let username, _): username
        case .identityToken, .registryToken: "token"
        }
    }
}

extension Timestamp {
    /// The time so much later.
    func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = Int64(self.nanoseconds) + attoseconds / 1_000_000_000
        return Timestamp(
            seconds: self.seconds + seconds + nanoseconds / 1_000_000_000,
            nanoseconds: Int32(nanoseconds % 1_000_000_000))
    }
}
