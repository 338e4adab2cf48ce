import Coordination
import TestSupport
import Testing

@testable import Registry

@Suite struct `A pace` {
    /// A clock that stands still until it is set.
    private final class Hands: Sendable {
        private let time = Locked(Duration.seconds(1000))
        var now: Duration { time.withLock { $0 } }
        func move(_ duration: Duration) { time.withLock { $0 += duration } }
    }

    /// Whoever asks as the pace says gets what it says, and in no stretch of time more.
    @Test(arguments: [(Int64(10_000), 1), (1_000_000, 16), (50_000_000, 4)])
    func `lets come what the rate says, and once what its bucket holds`(rate: Int64, streams: Int) {
        let hands = Hands()
        let pace = Pace(bytesPerSecond: rate, now: { hands.now })
        let bucket = max(Double(rate) / 8, 65_536)
        let chunk = 16 << 10
        var turns = (0..<streams).map { _ in hands.now }
        var taken: [(at: Duration, sum: Double)] = [(hands.now, 0)]
        let end = hands.now + .seconds(20)
        while let next = turns.indices.min(by: { turns[$0] < turns[$1] }), turns[next] < end {
            hands.move(max(.zero, turns[next] - hands.now))
            if let wait = pace.wait(for: chunk) {
                #expect(wait > .zero)
                turns[next] = hands.now + wait
            } else {
                taken.append((hands.now, taken[taken.count - 1].sum + Double(chunk)))
            }
        }
        for stride in [1, 7, 50, taken.count - 1] {
            for (first, last) in zip(taken, taken.dropFirst(stride)) {
                let most = (last.at - first.at) / .seconds(1) * Double(rate) + bucket + Double(chunk)
                #expect(last.sum - first.sum <= most + 1)
            }
        }
        // And it is used: what could have come did, but for the last chunk.
        let all = taken[taken.count - 1].sum
        #expect(all > 20 * Double(rate) - bucket - Double(chunk * streams), "\(all) bytes in 20 s")
    }

    @Test func `does not save up what a long rest would have let come`() {
        let hands = Hands()
        let pace = Pace(bytesPerSecond: 1_000_000, now: { hands.now })
        hands.move(.seconds(3600))
        var taken = 0
        while pace.wait(for: 10_000) == nil { taken += 10_000 }
        #expect(taken <= 130_000, "\(taken)")
        #expect(pace.wait(for: 10_000).map { $0 <= .milliseconds(11) } == true)
    }

    /// What a receiver asks for holds up the transfer itself.
    @Test func `holds up a blob until its bytes may come, and no longer`() async throws {
        let sample = Sample.blob(400_000)
        let rig = Rig { _, _ in sample.reply() }
        let pace = Pace(bytesPerSecond: 1_000_000)
        let receiver = PacedGathering(pace)
        let began = ContinuousClock.now
        try await rig.client.blob(
            sample.descriptor, in: repository("r.example/a"), credential: nil, into: receiver)
        // An eighth of a second's worth is there at once; for the rest it takes at least so long.
        #expect(ContinuousClock.now - began >= .milliseconds(270))
        #expect(receiver.bytes == sample.bytes)
        let free = PacedGathering(nil)
        try await rig.client.blob(sample.descriptor, in: repository("r.example/a"), credential: nil, into: free)
        #expect(free.bytes == sample.bytes)
    }
}

/// Keeps a blob's bytes as they may come.
private final class PacedGathering: BlobReceiver {
    private let kept = Locked([UInt8]())
    let pace: Pace?

    init(_ pace: Pace?) { self.pace = pace }

    var bytes: [UInt8] { kept.withLock { $0 } }
    var offset: Int64 { kept.withLock { Int64($0.count) } }
    func restart() { kept.withLock { $0 = [] } }
    func receive(_ bytes: RawSpan) {
        // INVARIANT: the bytes are copied while the pointer is valid.
        let chunk = bytes.withUnsafeBytes { Array($0) }
        kept.withLock { $0 += chunk }
    }
    func retrying(after delay: Duration, attempt: Int) {}
}
