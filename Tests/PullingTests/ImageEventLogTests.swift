import Coordination
import OCI
import Testing

@testable import Pulling

@Suite struct `The event log` {
    private let clock = Locked(Int64(0))

    private func log(backlog: Int = 1024) -> ImageEventLog {
        ImageEventLog(backlog: backlog) { [clock] in
            clock.withLock { seconds in
                seconds += 1
                return Timestamp(seconds: seconds)
            }
        }
    }

    private func freed(_ events: [ImageEvent]) -> [Int64] {
        events.compactMap { if case .pruned(let bytes) = $0.happening { bytes } else { nil } }
    }

    @Test func `keeps the last 256 events, oldest first`() {
        let log = log()
        for number in 0..<300 { log.post(.pruned(bytes: Int64(number))) }
        let history = log.subscribe().history
        #expect(freed(history) == Array(44..<300).map(Int64.init))
        #expect(history.first?.time == Timestamp(seconds: 45))
    }

    @Test func `hands every event to every listener, in order`() async throws {
        let log = log()
        log.post(.pruned(bytes: 1))
        let (history, events) = log.subscribe()
        let (_, others) = log.subscribe()
        for number in 2...5 { log.post(.pruned(bytes: Int64(number))) }
        #expect(freed(history) == [1])
        for stream in [events, others] {
            var seen: [ImageEvent] = []
            for try await event in stream {
                seen.append(event)
                if seen.count == 4 { break }
            }
            #expect(freed(seen) == [2, 3, 4, 5])
        }
    }

    @Test func `drops a listener that does not keep up, and tells it so`() async throws {
        let log = log(backlog: 3)
        let (_, slow) = log.subscribe()
        for number in 1...4 { log.post(.pruned(bytes: Int64(number))) }
        #expect(log.listeners == 0)
        var seen: [ImageEvent] = []
        await #expect(throws: EventsMissed(backlog: 3)) { for try await event in slow { seen.append(event) } }
        #expect(freed(seen) == [1, 2, 3])
    }

    @Test func `forgets a listener whose task is cancelled`() async throws {
        let log = log()
        let (_, events) = log.subscribe()
        let (started, signal) = AsyncStream<Void>.makeStream()
        let task = Task {
            for try await _ in events { signal.finish() }
        }
        log.post(.pruned(bytes: 1))
        for await _ in started {}
        #expect(log.listeners == 1)
        task.cancel()
        try await task.value
        #expect(log.listeners == 0)
    }

    @Test func `ends all listening when it is closed, and begins none`() async throws {
        let log = log()
        let (_, before) = log.subscribe()
        log.post(.pruned(bytes: 1))
        log.close()
        log.post(.pruned(bytes: 2))
        var seen: [ImageEvent] = []
        for try await event in before { seen.append(event) }
        #expect(freed(seen) == [1])
        let (history, after) = log.subscribe()
        for try await event in after { Issue.record("\(event)") }
        #expect(freed(history) == [1, 2])
        #expect(log.listeners == 0)
    }

    @Test func `dates no event before the one it follows`() {
        let times = Locked([Int64(5), 3, 9])
        let log = ImageEventLog { Timestamp(seconds: times.withLock { $0.removeFirst() }) }
        for _ in 0..<3 { log.post(.pruned(bytes: 0)) }
        #expect(log.subscribe().history.map(\.time.seconds) == [5, 5, 9])
    }
}

@Suite struct `A pull that ends well` {
    @Test func `is told of, also when it brought nothing; one that fails is not`() async throws {
        let rig = try await PullingRig()
        try rig.registry.add("worker:1.4", layers: ["base"])
        for _ in 0..<2 { _ = try await rig.pull("worker:1.4") }
        await #expect(throws: (any Error).self) { try await rig.pull("worker:none") }
        let pulled = ImageEvent.Happening.pulled(try Reference(parsing: "worker:1.4"), labels: ["made": "here"])
        #expect(rig.events.subscribe().history.map(\.happening) == [pulled, pulled])
    }
}
