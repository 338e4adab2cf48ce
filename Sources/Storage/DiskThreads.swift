internal import Coordination

/// Threads for work that waits for the disk, so that it never holds one of the few threads all tasks share.
final class DiskThreads: Sendable {
    private let threads: [DiskThread]
    private let load: Locked<[Int]>

    init(_ name: String, count: Int) {
        threads = (0..<count).map { DiskThread("\(name)-\($0)") }
        load = Locked(Array(repeating: 0, count: count))
    }

    /// Runs `work` on the least busy thread. Once begun it is not interrupted; long work looks at `Task.isCancelled`.
    func run<Result: Sendable>(_ work: @Sendable () throws -> Result) async throws -> Result {
        let chosen = load.withLock { load in
            let chosen = load.indices.min { load[$0] < load[$1] } ?? 0
            load[chosen] += 1
            return chosen
        }
        defer { load.withLock { $0[chosen] -= 1 } }
        return try await threads[chosen].run(work)
    }
}

private actor DiskThread {
    private let executor: ThreadExecutor

    init(_ name: String) { executor = ThreadExecutor(name: name) }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func run<Result: Sendable>(_ work: @Sendable () throws -> Result) throws -> Result { try work() }
}
