internal import Glibc
internal import Synchronization

/// Counts the connections of all event loops against the limit.
final class Places: Sendable {
    /// Remembers the first of several events.
    final class First: Sendable {
        private let noted = Mutex<Int?>(nil)
        func note(_ index: Int) { noted.withLock { $0 = $0 ?? index } }
        var value: Int? { noted.withLock { $0 } }
    }

    private let taken = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    private let limit: Int
    private let refusals: Int

    init(_ limits: ServerLimits) {
        var files = rlimit()
        let known = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0
        let half = known ? Int(min(files.rlim_cur, 1 << 30)) / 2 : limits.connections
        limit = max(1, min(limits.connections, half))
        refusals = limits.refusals
    }

    /// Takes a place; false when none is free.
    func take() -> Bool { take(taken, limit) }
    func leave() { taken.subtract(1, ordering: .relaxed) }

    /// Takes one of the few places where newcomers are told that all others are taken.
    func takeRefusal() -> Bool { take(refused, refusals) }
    func leaveRefusal() { refused.subtract(1, ordering: .relaxed) }

    private func take(_ count: borrowing Atomic<Int>, _ limit: Int) -> Bool {
        if count.add(1, ordering: .relaxed).newValue <= limit { return true }
        count.subtract(1, ordering: .relaxed)
        return false
    }
}
