import Testing

@testable import Coordination

@Suite(.timeLimit(.minutes(1))) struct `Work done once` {
    @Test func `is joined by all who ask for its key while it runs`() async throws {
        let flights = SingleFlight<String, Int>()
        let gate = Gate()
        let log = Log()
        let callers = (0..<10).map { number in
            Task {
                try await flights.run("key") {
                    log.add("work")
                    await gate.wait()
                    return number
                }
            }
        }
        await until { flights.waiting(for: "key") == 10 }
        await gate.open()
        var results: Set<Int> = []
        for caller in callers { results.insert(try await caller.value) }
        #expect(results.count == 1)
        #expect(log.all == ["work"])
    }

    @Test func `is done for each key by itself`() async throws {
        let flights = SingleFlight<Int, Int>()
        let gate = Gate()
        let callers = (0..<5).map { key in
            Task {
                try await flights.run(key) {
                    await gate.wait()
                    return key * 10
                }
            }
        }
        await until { (0..<5).allSatisfy { flights.waiting(for: $0) == 1 } }
        await gate.open()
        for (key, caller) in callers.enumerated() { #expect(try await caller.value == key * 10) }
    }

    @Test func `is done again for whoever asks after its end`() async throws {
        let flights = SingleFlight<String, Int>()
        #expect(try await flights.run("key") { 1 } == 1)
        #expect(try await flights.run("key") { 2 } == 2)
    }

    @Test func `fails for all who joined, and not for who comes after`() async throws {
        struct Failure: Error {}
        let flights = SingleFlight<String, Int>()
        let gate = Gate()
        let callers = (0..<3).map { _ in
            Task {
                try await flights.run("key") {
                    await gate.wait()
                    throw Failure()
                }
            }
        }
        await until { flights.waiting(for: "key") == 3 }
        await gate.open()
        for caller in callers { await #expect(throws: Failure.self) { try await caller.value } }
        #expect(try await flights.run("key") { 3 } == 3)
    }

    @Test func `goes on for the others when one leaves, even the first`() async throws {
        let flights = SingleFlight<String, Int>()
        let gate = Gate()
        let first = Task {
            try await flights.run("key") {
                await gate.wait()
                return Task.isCancelled ? 0 : 1
            }
        }
        await until { flights.waiting(for: "key") == 1 }
        let second = Task { try await flights.run("key") { 2 } }
        await until { flights.waiting(for: "key") == 2 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(flights.waiting(for: "key") == 1)
        await gate.open()
        #expect(try await second.value == 1)
    }

    @Test func `is cancelled when the last has left`() async throws {
        let flights = SingleFlight<String, Int>()
        let started = Gate()
        let ended = Gate()
        let callers = (0..<2).map { _ in
            Task {
                try await flights.run("key") {
                    await started.open()
                    await until { Task.isCancelled }
                    await ended.open()
                    return 0
                }
            }
        }
        await until { flights.waiting(for: "key") == 2 }
        await started.wait()
        for caller in callers {
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
        }
        await ended.wait()
    }

    @Test func `never runs twice at a time, not even while cancelled work winds down`() async throws {
        let flights = SingleFlight<String, Int>()
        let windDown = Gate()
        let log = Log()
        let first = Task {
            try await flights.run("key") {
                log.add("first begins")
                await windDown.wait()
                log.add("first ends")
                return 1
            }
        }
        await until { log.all.count == 1 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        let second = Task {
            try await flights.run("key") {
                log.add("second begins")
                return 2
            }
        }
        await until { flights.waiting(for: "key") == 1 }
        log.add("second waits")
        await windDown.open()
        #expect(try await second.value == 2)
        #expect(log.all == ["first begins", "second waits", "first ends", "second begins"])
    }

    @Test func `is not begun for a caller who was cancelled before`() async {
        let flights = SingleFlight<String, Int>()
        let caller = Task {
            await until { Task.isCancelled }
            return try await flights.run("key") {
                Issue.record("begun for nobody")
                return 0
            }
        }
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
    }

    @Test func `ends every wait when callers come and leave at any moment`() async throws {
        let flights = SingleFlight<Int, Int>()
        let callers = (0..<500).map { number in
            Task {
                try await flights.run(number % 3) {
                    await Task.yield()
                    try Task.checkCancellation()
                    return number
                }
            }
        }
        for (number, caller) in callers.enumerated() where number.isMultiple(of: 2) {
            if number.isMultiple(of: 5) { await Task.yield() }
            caller.cancel()
        }
        for (number, caller) in callers.enumerated() {
            let result = await caller.result
            if !number.isMultiple(of: 2) { #expect(throws: Never.self) { try result.get() } }
        }
        #expect((0..<3).allSatisfy { flights.waiting(for: $0) == 0 })
    }
}
