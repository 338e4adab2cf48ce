internal import Coordination

/// A place in a script where the other side stops until the test lets it go on.
public final class Checkpoint: Sendable {
    private let isOpen = Locked(false)
    private let visits = Watched(0)

    /// Makes a checkpoint that stops everyone.
    public init() {}

    /// Lets everyone through who waits, and everyone who comes later.
    public func open() { isOpen.withLock { $0 = true } }

    /// Waits until somebody has stopped here.
    /// - Throws: ``StandInError/timedOut(_:)``; `CancellationError`.
    public func reached() async throws {
        _ = try await visits.wait(for: "a script to reach its checkpoint") { $0 > 0 ? true : nil }
    }

    /// Called by who stops here, once, before asking `isPassable`.
    func visit() { visits.update { $0 += 1 } }

    var isPassable: Bool { isOpen.withLock { $0 } }
}
