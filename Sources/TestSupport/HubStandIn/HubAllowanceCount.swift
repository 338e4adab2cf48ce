internal import Coordination

/// Counts manifest GETs against the pull limit.
final class HubAllowanceCount: Sendable {
    private struct Contents: Sendable {
        var allowance: HubAllowance?
        var used: [String: Int] = [:]
    }

    private let contents: Locked<Contents>

    init(_ allowance: HubAllowance?) { contents = Locked(Contents(allowance: allowance)) }

    /// Sets a new limit and forgets what was used.
    func reset(_ allowance: HubAllowance?) { contents.withLock { $0 = Contents(allowance: allowance) } }

    func used(by account: String?) -> Int { contents.withLock { $0.used[account ?? ""] ?? 0 } }

    /// Counts a GET, or looks only; headers for the answer, and whether the GET may be answered.
    func ask(_ account: String?, counts: Bool) -> (headers: [(String, String)], refused: HubAllowance?) {
        contents.withLock { contents in
            guard let allowance = contents.allowance else { return ([], nil) }
            guard let limit = account == nil ? allowance.anonymous : allowance.account else { return ([], nil) }
            let used = contents.used[account ?? ""] ?? 0
            let isRefused = counts && used >= limit
            if counts && !isRefused { contents.used[account ?? ""] = used + 1 }
            let remaining = max(0, limit - (contents.used[account ?? ""] ?? 0))
            let headers = [
                ("ratelimit-limit", "\(limit);w=\(allowance.window)"),
                ("ratelimit-remaining", "\(remaining);w=\(allowance.window)"),
                ("docker-ratelimit-source", account ?? "127.0.0.1"),
            ]
            return (headers, isRefused ? allowance : nil)
        }
    }
}
