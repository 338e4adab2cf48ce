/// One task's wait for one value that others bring, ended early by the task's cancellation. Whichever comes first
/// counts, and whoever brings the value learns whether it was in time.
public final class Wait<Value: Sendable>: Sendable {
    private enum State {
        case open
        case waiting(CheckedContinuation<Value, any Error>)
        case settled(Result<Value, any Error>)
        case over
    }
    private let state = Locked<State>(.open)

    public init() {}

    /// The value, or the error, it was settled with. To be called once.
    /// - Throws: `CancellationError` when the calling task was cancelled first.
    public func value() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let early: Result<Value, any Error>? = state.withLock { state in
                    guard case .settled(let result) = state else {
                        state = .waiting(continuation)
                        return nil
                    }
                    state = .over
                    return result
                }
                if let early { continuation.resume(with: early) }
            }
        } onCancel: {
            settle(.failure(CancellationError()))
        }
    }

    /// Ends the wait. `false` when it had ended before: nobody will see `result` then.
    @discardableResult
    public func settle(_ result: Result<Value, any Error>) -> Bool {
        let (counted, continuation): (Bool, CheckedContinuation<Value, any Error>?) = state.withLock { state in
            switch state {
            case .open:
                state = .settled(result)
                return (true, nil)
            case .waiting(let continuation):
                state = .over
                return (true, continuation)
            case .settled, .over:
                return (false, nil)
            }
        }
        continuation?.resume(with: result)
        return counted
    }
}
