/// Bounded slots with priority and fairness. Those who wait are served by priority; at equal priority their lanes take
/// turns, so that one image's many layers do not starve another's; within a lane, first come first served.
public final class SlotQueue: Sendable {
    private let ledger: Locked<SlotLedger>

    /// - Parameters:
    ///   - total: slots in all, at least one.
    ///   - perKey: slots that one key may hold at a time, at least one.
    public init(total: Int, perKey: Int) {
        ledger = Locked(SlotLedger(total: max(1, total), perKey: max(1, perKey)))
    }

    /// Runs `body` while holding a slot, waiting for one first. The slot is given back however `body` ends.
    /// - Parameters:
    ///   - key: what `perKey` counts by: a host.
    ///   - lane: whose turn it is: a pull.
    ///   - priority: higher is served before lower, whatever the lane.
    /// - Throws: `CancellationError` when the task was cancelled while it waited, and no slot is held then; what `body`
    ///   throws.
    public func withSlot<R: Sendable>(
        key: String, lane: UInt64, priority: Int = 0, _ body: () async throws -> R
    ) async throws -> R {
        try Task.checkCancellation()
        let wait = Wait<Void>()
        let ticket = ledger.withLock { $0.arrive(key: key, lane: lane, priority: priority, wait: wait) }
        if let ticket {
            do { try await wait.value() } catch {
                ledger.withLock { $0.leave(ticket) }
                throw error
            }
        }
        defer { release(key) }
        return try await body()
    }

    /// Runs `body` while holding a slot, if one is free for `key` and nobody waits who could have it; else `nil`.
    public func withFreeSlot<R: Sendable>(key: String, _ body: () async throws -> R) async throws -> R? {
        try Task.checkCancellation()
        guard ledger.withLock({ $0.takeIfFree(key) }) else { return nil }
        defer { release(key) }
        return try await body()
    }

    /// Serves all who wait in `lane` at no less than `priority` from now on.
    public func raise(lane: UInt64, to priority: Int) { ledger.withLock { $0.raise(lane, to: priority) } }

    /// Changes how many slots there are. Those that are held stay held: with fewer slots, none is given out until
    /// enough have come back.
    public func resize(total: Int, perKey: Int) {
        for waiter in ledger.withLock({ $0.resize(total: max(1, total), perKey: max(1, perKey)) })
        where !waiter.wait.settle(.success(())) {
            release(waiter.key)
        }
    }

    /// Passes the slot on. A waiter that was cancelled meanwhile does not take it, and the next is asked.
    private func release(_ key: String) {
        var freed = key
        while let next = ledger.withLock({ $0.release(freed) }) {
            if next.wait.settle(.success(())) { return }
            freed = next.key
        }
    }

    /// Tasks waiting for a slot now.
    var waiting: Int { ledger.withLock { $0.waiting } }

    /// Nobody holds a slot or waits for one.
    var isIdle: Bool { ledger.withLock { $0.isIdle } }
}

/// Who holds and who waits: the rules of ``SlotQueue`` without its tasks.
struct SlotLedger {
    struct Waiter: Sendable {
        let ticket: UInt64
        let key: String
        let priority: Int
        let wait: Wait<Void>
    }

    private var perKey: Int
    private var total: Int
    /// Below 0 when there are fewer slots now than are held.
    private var free: Int
    private var held: [String: Int] = [:]
    private var lanes: [UInt64: [Waiter]] = [:]
    /// The lanes that have waiters; the one served last stands last.
    private var turns: [UInt64] = []
    private var lastTicket: UInt64 = 0

    init(total: Int, perKey: Int) {
        free = total
        self.total = total
        self.perKey = perKey
    }

    var waiting: Int { lanes.values.reduce(0) { $0 + $1.count } }

    var isIdle: Bool { held.isEmpty && lanes.isEmpty && turns.isEmpty }

    /// Takes a slot and returns `nil`, or queues up and returns the ticket to leave with.
    ///
    /// A slot that is free for this key is free for nobody who waits: they would have it already.
    mutating func arrive(key: String, lane: UInt64, priority: Int, wait: Wait<Void>) -> UInt64? {
        if isFree(key) {
            take(key)
            return nil
        }
        lastTicket += 1
        if lanes[lane] == nil { turns.append(lane) }
        lanes[lane, default: []].append(Waiter(ticket: lastTicket, key: key, priority: priority, wait: wait))
        return lastTicket
    }

    /// Takes a slot that is free: whoever waits for one of this key would have it already.
    mutating func takeIfFree(_ key: String) -> Bool {
        guard isFree(key) else { return false }
        take(key)
        return true
    }

    mutating func raise(_ lane: UInt64, to priority: Int) {
        guard let waiters = lanes[lane] else { return }
        lanes[lane] = waiters.map { waiter in
            Waiter(
                ticket: waiter.ticket, key: waiter.key, priority: max(waiter.priority, priority), wait: waiter.wait)
        }
    }

    /// Strikes a waiter out; one that has been served is not there any more.
    mutating func leave(_ ticket: UInt64) {
        for (lane, waiters) in lanes {
            guard let place = waiters.firstIndex(where: { $0.ticket == ticket }) else { continue }
            remove(lane: lane, place: place)
            return
        }
    }

    /// Gives a slot back and takes it again for the returned waiter, if there is one who can have it.
    mutating func release(_ key: String) -> Waiter? {
        free += 1
        let count = held[key, default: 1] - 1
        held[key] = count == 0 ? nil : count
        return serve()
    }

    /// Takes a slot for the one whose turn it is.
    private mutating func serve() -> Waiter? {
        guard let (lane, place) = next(), let waiter = lanes[lane]?[place] else { return nil }
        remove(lane: lane, place: place)
        if lanes[lane] != nil, let turn = turns.firstIndex(of: lane) { turns.append(turns.remove(at: turn)) }
        take(waiter.key)
        return waiter
    }

    /// Returns those who waited and have a slot now.
    mutating func resize(total: Int, perKey: Int) -> [Waiter] {
        free += total - self.total
        self.total = total
        self.perKey = perKey
        var served: [Waiter] = []
        while let waiter = serve() { served.append(waiter) }
        return served
    }

    private func isFree(_ key: String) -> Bool { free > 0 && held[key, default: 0] < perKey }

    private mutating func take(_ key: String) {
        free -= 1
        held[key, default: 0] += 1
    }

    private func next() -> (lane: UInt64, place: Int)? {
        var best: (lane: UInt64, place: Int, priority: Int)?
        for lane in turns {
            for (place, waiter) in (lanes[lane] ?? []).enumerated() where isFree(waiter.key) {
                if best.map({ waiter.priority > $0.priority }) ?? true { best = (lane, place, waiter.priority) }
            }
        }
        return best.map { ($0.lane, $0.place) }
    }

    private mutating func remove(lane: UInt64, place: Int) {
        lanes[lane]?.remove(at: place)
        guard lanes[lane]?.isEmpty == true else { return }
        lanes[lane] = nil
        turns.removeAll { $0 == lane }
    }
}
