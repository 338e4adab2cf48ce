import OCI
import Testing

@testable import Daemon

@Suite struct `A scrub` {
    @Test(arguments: [
        (Int64(1_000), Int64(1_000), Int64(600)), (1_000, 1_599, 1), (1_000, 1_600, 0), (1_000, 99_999, 0),
        // A clock that was set back does not put it off for longer than its period.
        (99_999, 1_000, 600),
    ])
    func `begins when its time has come`(last: Int64, now: Int64, wait: Int64) {
        let found = ScrubService.wait(
            since: Timestamp(seconds: last), now: Timestamp(seconds: now), every: .seconds(600))
        #expect(found == .seconds(wait))
    }
}
