/// A bounded memory of what was learnt lately. What is not asked for is forgotten first; nothing is kept for longer
/// than its lifetime.
public final class Recent<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        let value: Value
        let until: ContinuousClock.Instant?
    }
    private struct State {
        var young: [Key: Entry] = [:]
        var old: [Key: Entry] = [:]
    }

    private let state = Locked(State())
    private let half: Int
    private let lifetime: Duration?
    private let now: @Sendable () -> ContinuousClock.Instant

    /// - Parameters:
    ///   - limit: the most entries kept.
    ///   - lifetime: how long an entry holds; `nil` is without end.
    public init(
        limit: Int, lifetime: Duration? = nil, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        half = max(1, limit / 2)
        self.lifetime = lifetime
        self.now = now
    }

    /// What is remembered under `key`. Setting `nil` forgets it.
    public subscript(key: Key) -> Value? {
        get { state.withLock { find(key, &$0) } }
        set { state.withLock { put(newValue, key, &$0) } }
    }

    /// Changes what is remembered under `key`, in one step; `body` gets a fresh `initial` where nothing is.
    public func update(_ key: Key, initial: @autoclosure () -> Value, _ body: (inout Value) -> Void) {
        state.withLock { state in
            var value = find(key, &state) ?? initial()
            body(&value)
            put(value, key, &state)
        }
    }

    private func find(_ key: Key, _ state: inout State) -> Value? {
        if let entry = state.young[key] { return isValid(entry) ? entry.value : nil }
        guard let entry = state.old.removeValue(forKey: key), isValid(entry) else { return nil }
        enter(entry, key, &state)
        return entry.value
    }

    private func put(_ value: Value?, _ key: Key, _ state: inout State) {
        state.old[key] = nil
        guard let value else {
            state.young[key] = nil
            return
        }
        enter(Entry(value: value, until: lifetime.map { now() + $0 }), key, &state)
    }

    private func enter(_ entry: Entry, _ key: Key, _ state: inout State) {
        if state.young.count >= half, state.young[key] == nil {
            state.old = state.young
            state.young = [:]
        }
        state.young[key] = entry
    }

    private func isValid(_ entry: Entry) -> Bool { entry.until.map { now() < $0 } ?? true }
}
