internal import Glibc
internal import NIOCore

/// What the connections of one event loop share: the handler, the clock, the list of them.
///
/// `@unchecked Sendable`: INVARIANT: every `var` is touched on `loop` only; `drain` hops there first.
final class Worker: @unchecked Sendable {
    let loop: any EventLoop
    let handler: any RequestHandler
    let limits: ServerLimits
    /// Fulfilled when a drain is over: no connection and no task of a handler is left.
    var drained: EventLoopFuture<Void> { end.futureResult }

    private(set) var isDraining = false
    private var hasEnded = false
    private let places: Places
    private let end: EventLoopPromise<Void>
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var tasks = 0
    private var sweeper: RepeatedTask?
    private var patience: Scheduled<Void>?
    private var date = (second: -1, text: "")

    init(loop: any EventLoop, handler: any RequestHandler, limits: ServerLimits, places: Places) {
        self.loop = loop
        self.handler = handler
        self.limits = limits
        self.places = places
        end = loop.makePromise()
    }

    /// What becomes of a connection that was just accepted.
    enum Admission { case serve, refuse, close }

    func admit(_ connection: Connection) -> Admission {
        let admission = admission()
        if admission == .close { return .close }
        connections[ObjectIdentifier(connection)] = connection
        if sweeper == nil { startSweeping() }
        return admission
    }

    private func admission() -> Admission {
        // One that was accepted with the last ones may come in here after the drain has begun.
        if hasEnded { return .close }
        if places.take() { return .serve }
        let waiting = connections.values.filter { $0.isWaiting && !$0.isRefused }
        if let longest = waiting.min(by: { $0.since < $1.since }) {
            longest.close()
            if places.take() { return .serve }
        }
        return places.takeRefusal() ? .refuse : .close
    }

    func remove(_ connection: Connection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        if connection.isRefused { places.leaveRefusal() } else { places.leave() }
        if connections.isEmpty { stopSweeping() }
        endIfDrained()
    }

    func taskBegan() { tasks += 1 }
    func taskEnded() {
        tasks -= 1
        endIfDrained()
    }

    /// The time as a `Date` field has it; made once a second.
    func dateText() -> String {
        let now = time(nil)
        if now != date.second { date = (now, httpDate(max(0, now))) }
        return date.text
    }

    /// Lets what runs end within `grace`; callable once, from any thread.
    func drain(within grace: Duration) {
        loop.execute { [self] in
            isDraining = true
            for connection in connections.values { connection.drain() }
            loop.scheduleTask(in: TimeAmount(limits.arrivalTimeout + .milliseconds(1))) { [self] in
                for connection in connections.values { connection.check(.now()) }
            }
            patience = loop.scheduleTask(in: TimeAmount(grace)) { [self] in
                for connection in connections.values { connection.close() }
            }
            endIfDrained()
        }
    }

    private func endIfDrained() {
        guard isDraining, !hasEnded, connections.isEmpty, tasks == 0 else { return }
        hasEnded = true
        patience?.cancel()
        end.succeed()
    }

    /// One timer for all connections, and none for an idle server: a timer for each request would cost more than the
    /// request's parsing.
    private func startSweeping() {
        let shortest = min(limits.headerTimeout, limits.idleTimeout, limits.stallTimeout, limits.lingerTimeout)
        let pause = TimeAmount(min(max(shortest / 4, .milliseconds(5)), .seconds(1)))
        sweeper = loop.scheduleRepeatedTask(initialDelay: pause, delay: pause) { [self] _ in
            let now = NIODeadline.now()
            for connection in connections.values { connection.check(now) }
        }
    }

    private func stopSweeping() {
        sweeper?.cancel()
        sweeper = nil
    }
}
