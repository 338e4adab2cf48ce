internal import Coordination

/// Threads for work that waits for the disk, so that it never holds one of the few threads all tasks share.
///
/// Work waits for whichever thread is free first, never behind work that is at it: a sync that stands still would hold
/// up others that were given the same thread.
final class DiskThreads: Sendable {
    private struct State {
        var free: [Int]
        var waiting: [CheckedContinuation<Int, Never>] = []
    }

    private let threads: [DiskThread]
    private let state: Locked<State>

    init(_ name: String, count: Int) {
        threads = (0..<count).map { DiskThread("\(name)-\($0)") }
        state = Locked(State(free: Array(0..<count)))
    }

    /// Runs `work` on a thread of its own. Once begun it is not interrupted; long work looks at `Task.isCancelled`.
    func run<Result: Sendable>(_ work: @Sendable () throws -> Result) async throws -> Result {
        let chosen = await take()
        defer { give(chosen) }
        return try await threads[chosen].run(work)
    }

    private func take() async -> Int {
        await withCheckedContinuation { continuation in
            let free = state.withLock { state -> Int? in
                if let free = state.free.popLast() { return free }
                state.waiting.append(continuation)
                return nil
            }
            if let free { continuation.resume(returning: free) }
        }
    }

    private func give(_ thread: Int) {
        let next = state.withLock { state -> CheckedContinuation<Int, Never>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free.append(thread)
            return nil
        }
        next?.resume(returning: thread)
    }
}

private actor DiskThread {
    private let executor: ThreadExecutor

    init(_ name: String) { executor = ThreadExecutor(name: name) }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func run<Result: Sendable>(_ work: @Sendable () throws -> Result) throws -> Result { try work() }
}
