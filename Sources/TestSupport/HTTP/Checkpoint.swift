/// A place in a script where the other side stops until the test lets it go on.
public final class Checkpoint: Sendable {
    private struct State: Sendable {
        var visits = 0
        var isOpen = false
    }

    private let state = Watched(State())

    /// Makes a checkpoint that stops everyone.
    public init() {}

    /// Lets everyone through who waits, and everyone who comes later.
    public func open() { state.update { $0.isOpen = true } }

    /// Waits until somebody has stopped here.
    /// - Throws: ``StandInError/timedOut(_:)``; `CancellationError`.
    public func reached() async throws {
        _ = try await state.wait(for: "a script to reach its checkpoint") { $0.visits > 0 ? true : nil }
    }

    /// Called by a thread that stops here, once, before asking `isPassable` again and again.
    func visit() { state.update { $0.visits += 1 } }

    var isPassable: Bool { state.value.isOpen }

    /// Stops a task here.
    func pass() async throws {
        visit()
        _ = try await state.wait(for: "a checkpoint to be opened", timeout: .seconds(120)) { $0.isOpen ? true : nil }
    }
}
