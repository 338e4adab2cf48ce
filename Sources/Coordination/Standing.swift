internal import Dispatch

/// Waits on this thread for what a task comes to. For code that cannot suspend, such as a parser's callback, on a
/// thread of its own; never on one that tasks share, for the work needs those to go on.
/// - Throws: what `work` throws.
public func standing<Value: Sendable>(for work: @escaping @Sendable () async throws -> Value) throws -> Value {
    let done = DispatchSemaphore(value: 0)
    let outcome = Locked<Result<Value, any Error>>(.failure(CancellationError()))
    Task.detached {
        do {
            let value = try await work()
            outcome.withLock { $0 = .success(value) }
        } catch { outcome.withLock { $0 = .failure(error) } }
        done.signal()
    }
    done.wait()
    return try outcome.withLock { $0 }.get()
}
