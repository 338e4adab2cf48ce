import Testing

@testable import Coordination

@Suite(.timeLimit(.minutes(1))) struct `A slot queue` {
    @Test func `runs no more than its slots, and all of them`() async throws {
        let queue = SlotQueue(total: 3, perKey: 2)
        let counts = Locked((now: 0, most: 0, byKey: ["a": 0, "b": 0], mostByKey: 0, done: 0))
        try await withThrowingTaskGroup { group in
            for number in 0..<200 {
                let key = number.isMultiple(of: 3) ? "a" : "b"
                group.addTask {
                    try await queue.withSlot(key: key, lane: UInt64(number % 5)) {
                        counts.withLock {
                            $0.now += 1
                            $0.byKey[key, default: 0] += 1
                            $0.most = max($0.most, $0.now)
                            $0.mostByKey = max($0.mostByKey, $0.byKey[key, default: 0])
                        }
                        await Task.yield()
                        counts.withLock {
                            $0.now -= 1
                            $0.byKey[key, default: 0] -= 1
                            $0.done += 1
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(counts.withLock { $0.most } <= 3)
        #expect(counts.withLock { $0.mostByKey } <= 2)
        #expect(counts.withLock { $0.done } == 200)
    }

    @Test func `returns what the body returns, and throws what it throws`() async throws {
        struct Failure: Error {}
        let queue = SlotQueue(total: 1, perKey: 1)
        await #expect(throws: Failure.self) { try await queue.withSlot(key: "a", lane: 1) { throw Failure() } }
        let value = try await queue.withSlot(key: "a", lane: 1) { 7 }
        #expect(value == 7)
    }

    @Test func `serves waiting lanes in turn, however many wait in one`() async throws {
        let order = try await orderServed([
            ("a1", 1, 0), ("a2", 1, 0), ("a3", 1, 0), ("b1", 2, 0), ("c1", 3, 0), ("b2", 2, 0),
        ])
        #expect(order == ["a1", "b1", "c1", "a2", "b2", "a3"])
    }

    @Test func `serves higher priorities first, whatever the lane`() async throws {
        let order = try await orderServed([("low", 1, -1), ("a", 1, 0), ("b", 2, 0), ("high", 1, 5), ("higher", 3, 6)])
        #expect(order == ["higher", "high", "b", "a", "low"])
    }

    @Test func `throws to a task that is cancelled while it waits, and serves the next`() async throws {
        let queue = SlotQueue(total: 1, perKey: 1)
        let gate = Gate()
        let holder = Task { try await queue.withSlot(key: "k", lane: 1) { await gate.wait() } }
        await until { !queue.isIdle }
        let cancelled = Task { try await queue.withSlot(key: "k", lane: 2) { Issue.record("ran without a slot") } }
        await until { queue.waiting == 1 }
        let next = Task { try await queue.withSlot(key: "k", lane: 3) { "next" } }
        await until { queue.waiting == 2 }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(queue.waiting == 1)
        await gate.open()
        try await holder.value
        #expect(try await next.value == "next")
        #expect(queue.isIdle)
    }

    @Test func `throws to a task that was cancelled before it came`() async {
        let queue = SlotQueue(total: 1, perKey: 1)
        let task = Task {
            await until { Task.isCancelled }
            _ = try await queue.withSlot(key: "k", lane: 1) { Issue.record("ran though cancelled") }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(queue.isIdle)
    }

    @Test func `loses no slot when tasks are cancelled at any moment`() async throws {
        let queue = SlotQueue(total: 2, perKey: 2)
        let tasks = (0..<400).map { number in
            Task { try await queue.withSlot(key: "k\(number % 3)", lane: UInt64(number % 7)) { await Task.yield() } }
        }
        for (number, task) in tasks.enumerated() where !number.isMultiple(of: 3) {
            if number.isMultiple(of: 2) { await Task.yield() }
            task.cancel()
        }
        var served = 0
        for task in tasks { if case .success = await task.result { served += 1 } }
        #expect(served >= 133)
        #expect(queue.isIdle)
    }

    /// The order in which tasks are served that came while the only slot was taken, in the order given.
    private func orderServed(_ arrivals: [(name: String, lane: UInt64, priority: Int)]) async throws -> [String] {
        let queue = SlotQueue(total: 1, perKey: 1)
        let gate = Gate()
        let log = Log()
        try await withThrowingTaskGroup { group in
            group.addTask { try await queue.withSlot(key: "k", lane: 9) { await gate.wait() } }
            await until { !queue.isIdle }
            for (place, arrival) in arrivals.enumerated() {
                group.addTask {
                    try await queue.withSlot(key: "k", lane: arrival.lane, priority: arrival.priority) {
                        log.add(arrival.name)
                    }
                }
                await until { queue.waiting == place + 1 }
            }
            await gate.open()
            try await group.waitForAll()
        }
        return log.all
    }
}

@Suite struct `The ledger of slots` {
    @Test func `lets a key pass that waits behind a full one`() {
        var ledger = SlotLedger(total: 2, perKey: 1)
        #expect(arrive("a", &ledger) == nil)
        #expect(arrive("a", &ledger) != nil)
        #expect(arrive("b", &ledger) == nil)
        #expect(arrive("b", &ledger) != nil)
        #expect(ledger.release("b")?.key == "b")
        #expect(ledger.release("a")?.key == "a")
        #expect(ledger.waiting == 0)
    }

    @Test func `gives a slot to nobody who left`() {
        var ledger = SlotLedger(total: 1, perKey: 1)
        #expect(arrive("a", &ledger) == nil)
        let ticket = arrive("a", &ledger)
        #expect(ticket != nil)
        if let ticket { ledger.leave(ticket) }
        #expect(ledger.release("a") == nil)
        #expect(ledger.isIdle)
    }

    @Test func `does not put a lane that comes again and again before one that waits`() {
        var ledger = SlotLedger(total: 1, perKey: 1)
        #expect(arrive("k", lane: 1, &ledger) == nil)
        _ = arrive("k", lane: 2, &ledger)
        _ = arrive("k", lane: 3, &ledger)
        var served: [UInt64] = []
        for _ in 0..<6 {
            guard let ticket = ledger.release("k")?.ticket else { break }
            // Tickets count arrivals: 1 is lane 2, 2 is lane 3, and whoever was served comes again at once.
            served.append(ticket)
            _ = arrive("k", lane: served.count.isMultiple(of: 2) ? 3 : 2, &ledger)
        }
        #expect(served == [1, 2, 3, 4, 5, 6])
    }

    @Test func `gives a free slot to whoever does not wait, but not before one who does`() {
        var ledger = SlotLedger(total: 1, perKey: 1)
        var taken = [ledger.takeIfFree("k"), ledger.takeIfFree("k")]
        _ = arrive("k", lane: 2, &ledger)
        let served = ledger.release("k")
        taken.append(ledger.takeIfFree("k"))
        let next = ledger.release("k")
        taken.append(ledger.takeIfFree("k"))
        #expect(taken == [true, false, false, true] && served != nil && next == nil)
    }

    @Test func `serves a lane that was raised before others`() {
        var ledger = SlotLedger(total: 1, perKey: 1)
        #expect(arrive("k", &ledger) == nil)
        let (early, late) = (arrive("k", lane: 2, &ledger), arrive("k", lane: 3, &ledger))
        ledger.raise(3, to: 1)
        #expect(ledger.release("k")?.ticket == late)
        #expect(ledger.release("k")?.ticket == early)
    }

    private func arrive(_ key: String, lane: UInt64 = 1, _ ledger: inout SlotLedger) -> UInt64? {
        ledger.arrive(key: key, lane: lane, priority: 0, wait: Wait())
    }
}
