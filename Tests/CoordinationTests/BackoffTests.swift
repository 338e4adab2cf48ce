import Coordination
import Testing

@Suite struct `Backing off` {
    private let backoff = Backoff(base: .milliseconds(100), cap: .seconds(3))

    @Test(arguments: [(-1, 100), (0, 100), (1, 200), (2, 400), (4, 1600), (5, 3000), (6, 3000), (Int.max, 3000)])
    func `doubles the longest wait up to the cap`(attempt: Int, milliseconds: Int) {
        #expect(backoff.delay(attempt: attempt, random: 1) == .milliseconds(milliseconds))
    }

    @Test(arguments: [(0.0, 0), (0.25, 100), (0.5, 200), (1.0, 400), (-1.0, 0), (2.0, 400), (Double.nan, 0)])
    func `waits any part of it, by chance`(random: Double, milliseconds: Int) {
        #expect(backoff.delay(attempt: 2, random: random) == .milliseconds(milliseconds))
    }

    @Test func `never exceeds a cap below its base, and never waits for less than nothing`() {
        #expect(Backoff(base: .seconds(9), cap: .seconds(2)).delay(attempt: 0, random: 1) == .seconds(2))
        #expect(Backoff(base: .seconds(-1), cap: .seconds(2)).delay(attempt: 5, random: 1) == .zero)
        #expect(Backoff(base: .zero, cap: .seconds(2)).delay(attempt: .max, random: 1) == .zero)
    }

    @Test func `stands the longest durations there are`() {
        let longest = Duration(secondsComponent: .max, attosecondsComponent: 0)
        #expect(Backoff(base: .seconds(1), cap: longest).delay(attempt: .max, random: 1) > .seconds(1 << 60))
    }
}
