import Testing

@testable import Pulling

/// A line on which each connection carries `each` bytes a second, and all together at most `all`.
private struct LongLine {
    var governor = StreamGovernor(limit: 16)
    var moment = Duration.zero
    let each: Double
    let all: Double
    /// Streams that have a blob of their own, and stay.
    let own: Int

    init(each: Double, all: Double, streams: Int) {
        self.each = each
        self.all = all
        own = streams
        for _ in 0..<streams { begin() }
    }

    mutating func begin() {
        governor.began(at: moment)
        governor.started()
    }

    /// Lets time pass in steps of 10 ms, with as many streams as are granted; returns how many there are.
    mutating func run(_ span: Duration, wanted: Int = 100) -> Int {
        let end = moment + span
        while moment < end {
            moment += .milliseconds(10)
            let rate = min(all, each * Double(governor.active))
            governor.received(Int(rate / 100), at: moment)
            let granted = governor.grant(wanted, at: moment)
            for _ in 0..<granted { governor.started() }
            while !governor.keepsExtra, governor.active > own { governor.ended(isStarted: true) }
        }
        return governor.active
    }
}

private let mebi = 1_048_576.0

@Suite struct `The number of streams` {
    @Test func `grows while that makes the whole faster, up to the limit`() {
        var line = LongLine(each: 30 * mebi, all: 1e12, streams: 1)
        #expect(line.run(.milliseconds(700)) == 16)
    }

    @Test func `stops where more streams bring nothing`() {
        var line = LongLine(each: 30 * mebi, all: 60 * mebi, streams: 1)
        #expect(line.run(.seconds(1)) == 2)
        #expect(line.run(.seconds(10)) <= 4, "tries again now and then, and goes back")
    }

    @Test func `stays where a single one is as fast as the machine`() {
        var line = LongLine(each: 900 * mebi, all: 1000 * mebi, streams: 1)
        #expect(line.run(.seconds(3)) == 1)
    }

    @Test func `grows from the streams of many blobs too`() {
        var line = LongLine(each: 30 * mebi, all: 1e12, streams: 8)
        #expect(line.run(.milliseconds(200)) == 16)
    }

    @Test func `is what is wanted, where that is less`() {
        var line = LongLine(each: 30 * mebi, all: 1e12, streams: 1)
        #expect(line.run(.milliseconds(700), wanted: 0) == 1)
    }

    @Test func `is not judged before every stream has its first byte, nor for ever put off by one that has none`() {
        var governor = StreamGovernor(limit: 16)
        governor.began(at: .zero)
        for step in 1...50 { governor.received(300_000, at: .milliseconds(10 * step)) }
        #expect(governor.target == 1)
        for step in 61...80 { governor.received(300_000, at: .milliseconds(10 * step)) }
        #expect(governor.target == 2)
    }

    @Test func `begins anew when all streams have ended`() {
        var line = LongLine(each: 30 * mebi, all: 1e12, streams: 1)
        let count = line.run(.milliseconds(700))
        for _ in 0..<count { line.governor.ended(isStarted: true) }
        #expect(line.governor.target == 1 && line.governor.active == 0)
    }
}
