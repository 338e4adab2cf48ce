import Testing

@testable import NativeAPI

@Suite struct `A rate` {
    private let start = ContinuousClock.now

    private func after(_ seconds: Double) -> ContinuousClock.Instant { start + .milliseconds(Int(seconds * 1000)) }

    @Test func `is unknown until there are two readings apart`() {
        var meter = RateMeter()
        #expect(meter.bytesPerSecond == nil)
        meter.take(0, at: start)
        #expect(meter.bytesPerSecond == nil)
        meter.take(5000, at: after(0.1))
        #expect(meter.bytesPerSecond == nil, "two readings in one buffer's time tell nothing")
        meter.take(10_000, at: after(1))
        #expect(meter.bytesPerSecond == 10_000)
    }

    @Test func `follows the line, but not every gust`() throws {
        var meter = RateMeter()
        for second in 0...10 { meter.take(Int64(second) * 1000, at: after(Double(second))) }
        #expect(meter.bytesPerSecond == 1000)
        meter.take(20_000, at: after(11))
        let gust = try #require(meter.bytesPerSecond)
        #expect(gust > 1000 && gust < 5000)
        for second in 12...30 { meter.take(20_000 + Int64(second - 11) * 5000, at: after(Double(second))) }
        let settled = try #require(meter.bytesPerSecond)
        #expect((4900...5100).contains(settled))
    }

    @Test func `is never negative when a transfer begins again`() throws {
        var meter = RateMeter()
        meter.take(10_000, at: start)
        meter.take(0, at: after(1))
        #expect(meter.bytesPerSecond == 0)
        #expect(meter.secondsLeft(for: 100) == nil)
    }

    @Test func `tells the seconds left, rounded up`() {
        var meter = RateMeter()
        meter.take(0, at: start)
        meter.take(1000, at: after(1))
        #expect(meter.secondsLeft(for: 2500) == 3)
        #expect(meter.secondsLeft(for: 0) == 0)
        #expect(meter.secondsLeft(for: .max) == nil, "longer than anybody waits")
    }
}
