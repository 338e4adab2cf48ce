internal import Coordination

/// A change of names under `blobs/`, to be made durable.
struct NameChange: Sendable {
    /// Whose names change.
    let directory: OpenFile
    let apply: @Sendable () throws -> Void
    /// Takes the change back when it cannot be made durable.
    let revert: @Sendable () -> Void
}

/// Makes changes of names and then makes them durable, for all who ask at the same time with one sync per directory.
///
/// All names under `blobs/` change here and only here, so what a change looks at first stays as it is until it is done.
actor Committer {
    private let executor = ThreadExecutor(name: "store-commit")
    private let observer: StepObserver
    private var waiting: [(change: NameChange, done: CheckedContinuation<Void, any Error>)] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(observer: @escaping StepObserver) { self.observer = observer }

    /// Returns when the change is durable; throws when it was not made, or was taken back.
    func perform(_ change: NameChange) async throws {
        try await withCheckedThrowingContinuation { done in
            waiting.append((change, done))
            guard waiting.count == 1 else { return }
            // Awaited by all whose continuations it resumes. It runs after the calls that queued up while the thread
            // was in the last sync, which is what makes them one batch.
            Task { flush() }
        }
    }

    private func flush() {
        let batch = waiting
        waiting = []
        var outcomes: [Result<Void, any Error>] = batch.map { entry in Result { try entry.change.apply() } }
        var synced: [ObjectIdentifier: Result<Void, any Error>] = [:]
        for (place, entry) in batch.enumerated() {
            guard case .success = outcomes[place] else { continue }
            let key = ObjectIdentifier(entry.change.directory)
            let outcome = synced[key] ?? Result { try sync(entry.change.directory) }
            synced[key] = outcome
            if case .failure = outcome { entry.change.revert() }
            outcomes[place] = outcome
        }
        for (entry, outcome) in zip(batch, outcomes) { entry.done.resume(with: outcome) }
    }

    private func sync(_ directory: OpenFile) throws {
        try observer(.syncDirectory)
        try directory.sync()
    }
}
