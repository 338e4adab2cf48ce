/// Equal work is done once, and to its end: unlike in a ``SingleFlight``, nobody's leaving or impatience stops it, so
/// that the next who asks finds it done.
public final class LastingWork<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State {
        var waits: [Key: [UInt64: Wait<Value>]] = [:]
        var next: UInt64 = 0
    }

    /// The result did not come within the time that was given.
    public struct OutOfPatience: Error {}
    /// So much other work is under way that this was not begun.
    public struct TooMuch: Error {}

    private let state = Locked(State())
    private let limit: Int

    /// - Parameter limit: how much different work may be under way at once.
    public init(limit: Int) { self.limit = limit }

    /// The result of the work under `key`, begun by this call or an earlier one.
    /// - Throws: ``OutOfPatience``, ``TooMuch``, what the work threw, `CancellationError` when the caller is cancelled.
    public func run(
        _ key: Key, within patience: Duration, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let wait = Wait<Value>()
        let (id, isNew) = try state.withLock { state -> (UInt64, Bool) in
            let isNew = state.waits[key] == nil
            guard !isNew || state.waits.count < limit else { throw TooMuch() }
            state.next += 1
            state.waits[key, default: [:]][state.next] = wait
            return (state.next, isNew)
        }
        if isNew { begin(key, work) }
        // Ends by itself, or with the wait.
        let timer = Task {
            do { try await Task.sleep(for: patience) } catch { return }
            wait.settle(.failure(OutOfPatience()))
        }
        defer {
            timer.cancel()
            state.withLock { $0.waits[key]?[id] = nil }
        }
        return try await wait.value()
    }

    /// Begins the work under `key` unless it is under way, or too much other is; nobody waits for it.
    public func start(_ key: Key, _ work: @escaping @Sendable () async throws -> Value) {
        let isNew = state.withLock { state in
            guard state.waits[key] == nil, state.waits.count < limit else { return false }
            state.waits[key] = [:]
            return true
        }
        if isNew { begin(key, work) }
    }

    private func begin(_ key: Key, _ work: @escaping @Sendable () async throws -> Value) {
        // Unstructured: it belongs to all who wait and to those who will ask; its end settles the waits.
        Task {
            let result: Result<Value, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            let waits = state.withLock { $0.waits.removeValue(forKey: key) ?? [:] }
            for wait in waits.values { wait.settle(result) }
        }
    }
}
