import Coordination
import Logging
import ServiceLifecycle
import Testing

@testable import Daemon

/// Ends twice though nobody asked it to, then goes on for as long as it may.
private struct Faltering: Service {
    let runs = Locked(0)
    /// What it ends with; `nil` to return.
    let error: (any Error & Sendable)?

    func run() async throws {
        let number = runs.withLock { runs in
            runs += 1
            return runs
        }
        if number > 2 { return try await gracefulShutdown() }
        if let error { throw error }
    }
}

private struct Unforeseen: Error {}

@Suite(.timeLimit(.minutes(1))) struct `A part of the daemon that ends unasked` {
    @Test(arguments: [Unforeseen(), CancellationError(), nil] as [(any Error & Sendable)?])
    func `begins again, and the others go on`(error: (any Error & Sendable)?) async throws {
        let part = Faltering(error: error)
        let group = group(of: part)
        let running = Task { try await group.run() }
        while part.runs.withLock({ $0 }) < 3 { try await Task.sleep(for: .milliseconds(1)) }
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(part.runs.withLock { $0 } == 3)
    }

    @Test func `is let end while it waits to begin again`() async throws {
        let part = Faltering(error: Unforeseen())
        let group = group(of: part, pause: .seconds(600))
        let running = Task { try await group.run() }
        while part.runs.withLock({ $0 }) < 1 { try await Task.sleep(for: .milliseconds(1)) }
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(part.runs.withLock { $0 } == 1)
    }

    private func group(of part: some Service, pause: Duration = .milliseconds(1)) -> ServiceGroup {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return ServiceGroup(
            services: [Steadfast(base: part, logger: logger, pause: pause)], logger: logger)
    }
}
