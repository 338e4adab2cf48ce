/// Equal work is done once: whoever asks for a key that is being worked on joins, and all get the same result. Results
/// are not kept: the next to ask after the end starts anew.
public final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Flight {
        let id: UInt64
        let task: Task<Void, Never>
        var waiters: [UInt64: Wait<Value>]
    }
    private struct State {
        var flights: [Key: Flight] = [:]
        var lastID: UInt64 = 0
    }
    private let state = Locked(State())

    /// With no work under way.
    public init() {}

    /// The result of the work under `key`: that of `work`, or of the work that another caller started before.
    ///
    /// A cancelled caller leaves at once and the work goes on for the others; when the last has left, it is cancelled.
    /// Work that comes after cancelled work of its key starts when that has ended, so two never run at a time.
    /// - Throws: `CancellationError` when the calling task was cancelled; what the work threw, to all who wait for it.
    public func run(_ key: Key, _ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try Task.checkCancellation()
        let wait = Wait<Value>()
        let (flight, waiter) = state.withLock { join(key, wait, work, in: &$0) }
        do { return try await wait.value() } catch {
            leave(key, flight: flight, waiter: waiter)
            throw error
        }
    }

    private func join(
        _ key: Key, _ wait: Wait<Value>, _ work: @escaping @Sendable () async throws -> Value, in state: inout State
    ) -> (flight: UInt64, waiter: UInt64) {
        state.lastID += 1
        let waiter = state.lastID
        if let id = state.flights[key]?.id, state.flights[key]?.waiters.isEmpty == false {
            state.flights[key]?.waiters[waiter] = wait
            return (id, waiter)
        }
        let abandoned = state.flights[key]?.task
        state.lastID += 1
        let id = state.lastID
        // Unstructured, for the work outlives the caller that started it. `leave` cancels it; its end settles the
        // waits.
        let task = Task {
            await abandoned?.value
            let result: Result<Value, any Error>
            do {
                try Task.checkCancellation()
                result = .success(try await work())
            } catch {
                result = .failure(error)
            }
            land(key, flight: id, result)
        }
        state.flights[key] = Flight(id: id, task: task, waiters: [waiter: wait])
        return (id, waiter)
    }

    private func leave(_ key: Key, flight id: UInt64, waiter: UInt64) {
        let abandoned: Task<Void, Never>? = state.withLock { state in
            guard state.flights[key]?.id == id, state.flights[key]?.waiters.removeValue(forKey: waiter) != nil,
                state.flights[key]?.waiters.isEmpty == true
            else { return nil }
            return state.flights[key]?.task
        }
        abandoned?.cancel()
    }

    private func land(_ key: Key, flight id: UInt64, _ result: Result<Value, any Error>) {
        let waiters: [UInt64: Wait<Value>] = state.withLock { state in
            guard state.flights[key]?.id == id else { return [:] }
            return state.flights.removeValue(forKey: key)?.waiters ?? [:]
        }
        for wait in waiters.values { wait.settle(result) }
    }

    /// Callers waiting under `key` now.
    func waiting(for key: Key) -> Int { state.withLock { $0.flights[key]?.waiters.count ?? 0 } }
}
