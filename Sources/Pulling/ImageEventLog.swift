internal import Coordination
public import OCI

/// What happened to images, for whoever listens: the last events, and each new one as it comes.
///
/// Posting never waits: a listener that falls behind by more than its backlog is dropped, and told so by the error that
/// ends its stream. Nothing is kept over a restart. Safe to use from any thread.
public final class ImageEventLog: Sendable {
    /// Events that are kept for those who ask what was; as many as dockerd keeps.
    public static let historyLimit = 256

    private struct State {
        var history: [ImageEvent] = []
        var listeners: [UInt64: AsyncThrowingStream<ImageEvent, any Error>.Continuation] = [:]
        var next: UInt64 = 0
        var isClosed = false
    }

    private let state = Locked(State())
    private let backlog: Int
    private let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - backlog: events that may wait for one listener.
    ///   - now: dates the events.
    public init(backlog: Int = 1024, now: @escaping @Sendable () -> Timestamp) {
        self.backlog = backlog
        self.now = now
    }

    /// Enters an event and hands it to every listener.
    public func post(_ happening: ImageEvent.Happening) {
        let lost = state.withLock { state in
            // Dated and handed out under the lock, so that all see one order, and times do not go back in it.
            let event = ImageEvent(happening, at: max(now(), state.history.last?.time ?? Timestamp(seconds: .min)))
            state.history.append(event)
            if state.history.count > Self.historyLimit { state.history.removeFirst() }
            var lost: [AsyncThrowingStream<ImageEvent, any Error>.Continuation] = []
            for (id, listener) in state.listeners {
                guard case .dropped = listener.yield(event) else { continue }
                state.listeners[id] = nil
                lost.append(listener)
            }
            return lost
        }
        // Outside the lock: ending a stream runs its termination handler, which takes it.
        for listener in lost { listener.finish(throwing: EventsMissed(backlog: backlog)) }
    }

    /// Starts listening: what was, the oldest first, and from then on what comes, without a gap between the two.
    ///
    /// The stream ends when the task that reads it is cancelled, at ``close()``, or by throwing ``EventsMissed``.
    public func subscribe() -> (history: [ImageEvent], events: AsyncThrowingStream<ImageEvent, any Error>) {
        let (events, listener) = AsyncThrowingStream<ImageEvent, any Error>.makeStream(
            bufferingPolicy: .bufferingOldest(backlog))
        let (history, id, isClosed) = state.withLock { state in
            state.next += 1
            if !state.isClosed { state.listeners[state.next] = listener }
            return (state.history, state.next, state.isClosed)
        }
        if isClosed { listener.finish() }
        listener.onTermination = { [weak self] _ in self?.leave(id) }
        return (history, events)
    }

    /// Ends all listening, for good: the daemon is about to stop, and would wait for streams that have no end.
    public func close() {
        let listeners = state.withLock { state in
            state.isClosed = true
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }

    /// How many are listening now.
    public var listeners: Int { state.withLock { $0.listeners.count } }

    private func leave(_ id: UInt64) { state.withLock { $0.listeners[id] = nil } }
}

/// A listener read so slowly that events had to be left out: it must begin anew.
public struct EventsMissed: Fault, Equatable {
    /// Events that had waited for it.
    public var backlog: Int
    public var kind: FaultKind { .unavailable(retryAfter: nil) }
    public var description: String {
        "events were read too slowly: more than \(backlog) waited, and the rest is lost; listen anew"
    }
}
