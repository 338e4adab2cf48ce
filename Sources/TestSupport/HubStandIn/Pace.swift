/// Spreads a connection's bytes over time, so that it is never faster than its rate.
struct Pace: Sendable {
    private let bytesPerSecond: Int?
    private var ready = ContinuousClock.now

    init(bytesPerSecond: Int?) { self.bytesPerSecond = bytesPerSecond.map { max(1, $0) } }

    /// How many bytes to send at a time: what fits a twentieth of a second, so that a slow line is smooth.
    var piece: Int { bytesPerSecond.map { min(max($0 / 20, 1), 256 << 10) } ?? 256 << 10 }

    /// Waits until `count` more bytes may go.
    mutating func pass(_ count: Int) async throws {
        guard let bytesPerSecond else { return }
        let now = ContinuousClock.now
        if ready > now { try await Task.sleep(until: ready) }
        ready = max(ready, now) + .seconds(1) * (Double(count) / Double(bytesPerSecond))
    }
}
