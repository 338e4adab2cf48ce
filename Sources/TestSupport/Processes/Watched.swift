internal import Coordination

/// A value behind a lock whose changes can be awaited: what tests use where they would otherwise sleep and look again.
public final class Watched<State: Sendable>: Sendable {
    private struct Waiter {
        /// Looks at the state; answers true when it is satisfied and has been resumed.
        let look: @Sendable (State) -> Bool
        let cancel: @Sendable () -> Void
    }

    private struct Contents {
        var state: State
        var waiters: [UInt64: Waiter] = [:]
        var lastID: UInt64 = 0
    }

    private let contents: Locked<Contents>

    public init(_ state: State) {
        contents = Locked(Contents(state: state))
    }

    /// The value now.
    public var value: State { contents.withLock { $0.state } }

    /// Changes the value and wakes everyone whose condition now holds.
    @discardableResult
    public func update<Result: Sendable>(_ change: @Sendable (inout State) -> Result) -> Result {
        contents.withLock { contents in
            let result = change(&contents.state)
            contents.waiters = contents.waiters.filter { !$0.value.look(contents.state) }
            return result
        }
    }

    /// Waits until `condition` answers something, and returns it.
    /// - Parameter what: what is awaited, for the error's sentence.
    /// - Throws: ``StandInError/timedOut(_:)``; `CancellationError`.
    public func wait<Result: Sendable>(
        for what: String, timeout: Duration = .seconds(30),
        until condition: @escaping @Sendable (State) -> Result?
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await self.wait(until: condition) }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw StandInError.timedOut(what)
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    private func wait<Result: Sendable>(
        until condition: @escaping @Sendable (State) -> Result?
    ) async throws -> Result {
        let id = contents.withLock { contents in
            contents.lastID += 1
            return contents.lastID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                register(id, condition, continuation)
            }
        } onCancel: {
            contents.withLock { $0.waiters.removeValue(forKey: id) }?.cancel()
        }
    }

    private func register<Result: Sendable>(
        _ id: UInt64, _ condition: @escaping @Sendable (State) -> Result?,
        _ continuation: CheckedContinuation<Result, any Error>
    ) {
        contents.withLock { contents in
            if let result = condition(contents.state) {
                continuation.resume(returning: result)
            } else if Task.isCancelled {
                continuation.resume(throwing: CancellationError())
            } else {
                contents.waiters[id] = Waiter(
                    look: { state in
                        guard let result = condition(state) else { return false }
                        continuation.resume(returning: result)
                        return true
                    }, cancel: { continuation.resume(throwing: CancellationError()) })
            }
        }
    }
}

/// A door that is shut until somebody opens it; once open it stays open.
public final class Gate: Sendable {
    private let isOpen = Watched(false)

    public init() {}

    /// Lets everyone through who waits, and everyone who comes later.
    public func open() { isOpen.update { $0 = true } }

    /// Waits until the gate is open.
    /// - Throws: ``StandInError/timedOut(_:)``; `CancellationError`.
    public func pass(timeout: Duration = .seconds(60)) async throws {
        _ = try await isOpen.wait(for: "a gate to be opened", timeout: timeout) { $0 ? true : nil }
    }
}
