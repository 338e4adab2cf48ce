import Testing

@testable import Coordination

@Suite(.timeLimit(.minutes(1))) struct `A slot queue that is resized` {
    @Test func `serves those who wait when it grows, and nobody before enough came back when it shrank`() async throws {
        let queue = SlotQueue(total: 1, perKey: 1)
        let running = Locked(0)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<4 {
                group.addTask {
                    try await queue.withSlot(key: "a", lane: UInt64(lane)) {
                        running.withLock { $0 += 1 }
                        await gate.wait()
                        running.withLock { $0 -= 1 }
                    }
                }
            }
            await until { queue.waiting == 3 }
            queue.resize(total: 3, perKey: 3)
            await until { running.withLock { $0 } == 3 }
            #expect(queue.waiting == 1)
            queue.resize(total: 1, perKey: 3)
            await gate.open()
            try await group.waitForAll()
        }
        #expect(queue.isIdle)
        let second = Locked(false)
        try await queue.withSlot(key: "a", lane: 1) {
            let waiter = Task { try await queue.withSlot(key: "a", lane: 2) { second.withLock { $0 = true } } }
            await until { queue.waiting == 1 }
            #expect(!second.withLock { $0 }, "the third slot is gone")
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
        }
    }
}
