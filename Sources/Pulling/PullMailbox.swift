internal import Coordination

/// What one client has still to be told of a pull.
///
/// A client may read slower than bytes arrive. Figures that are out of date are overtaken in place (of one layer's
/// progress, and of the totals, at most one waits), so the box is bounded by the number of layers and never holds up
/// the transfer; changes of state are all kept, in order.
final class PullMailbox: Sendable {
    private struct State {
        var events: [PullEvent] = []
        /// Set once; read when the events are used up.
        var end: Result<Void, any Error>?
        var waiter: CheckedContinuation<PullEvent?, any Error>?
    }

    private let state = Locked(State())

    /// Adds an event, or overtakes the figure it makes obsolete. Any thread.
    func post(_ event: PullEvent) {
        let waiter = state.withLock { state -> CheckedContinuation<PullEvent?, any Error>? in
            guard state.end == nil else { return nil }
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            if let index = overtaken(by: event, in: state.events) {
                state.events[index] = event
            } else {
                state.events.append(event)
            }
            return nil
        }
        waiter?.resume(returning: event)
    }

    /// Nothing more will come. The first call counts.
    func finish(_ end: Result<Void, any Error>) {
        let waiter = state.withLock { state -> CheckedContinuation<PullEvent?, any Error>? in
            guard state.end == nil else { return nil }
            state.end = end
            defer { state.waiter = nil }
            return state.waiter
        }
        guard let waiter else { return }
        switch end {
        case .success: waiter.resume(returning: nil)
        case .failure(let error): waiter.resume(throwing: error)
        }
    }

    /// The next event; `nil` at the end. One reader at a time.
    /// - Throws: what ended the pull, or `CancellationError` when the reader's task is cancelled.
    func next() async throws -> PullEvent? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer = state.withLock { state -> Result<PullEvent?, any Error>? in
                    if !state.events.isEmpty { return .success(state.events.removeFirst()) }
                    switch state.end {
                    case .success: return .success(nil)
                    case .failure(let error): return .failure(error)
                    case nil:
                        state.waiter = continuation
                        return nil
                    }
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            finish(.failure(CancellationError()))
        }
    }

    private func overtaken(by event: PullEvent, in events: [PullEvent]) -> Int? {
        switch event {
        case .total:
            return events.lastIndex { if case .total = $0 { true } else { false } }
        case .layer(let layer, .downloading):
            let last = events.lastIndex { if case .layer(layer, _) = $0 { true } else { false } }
            guard let last, case .layer(_, .downloading) = events[last] else { return nil }
            return last
        case .layer: return nil
        }
    }
}
