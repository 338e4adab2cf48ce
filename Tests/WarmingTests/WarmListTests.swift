import Catalogue
import OCI
import Testing

@testable import Warming

@Suite struct `A warm list's turn` {
    private func state(checked: Int64, failures: Int = 0) -> WarmState {
        var state = WarmState(list: "a", image: "alpine", platform: nil, checked: Timestamp(seconds: checked))
        state.failures = failures
        state.error = failures > 0 ? "no" : nil
        return state
    }

    @Test(
        arguments: [
            (Int64(0), 0, Int64(3_599), false), (0, 0, 3_600, true), (0, 1, 59, false), (0, 1, 60, true),
            (0, 2, 119, false),
            (0, 2, 120, true), (0, 40, 3_599, false), (0, 40, 3_600, true), (5_000, 0, 1_000, true),
        ] as [(Int64, Int, Int64, Bool)])
    func `comes after its interval, and after failures sooner, but not at once`(
        checked: Int64, failures: Int, now: Int64, isDue: Bool
    ) {
        var list = WarmList(name: "a")
        list.every = .seconds(3600)
        let found = list.isDue(state(checked: checked, failures: failures), at: Timestamp(seconds: now))
        #expect(found == isDue)
    }

    @Test func `comes at once for what was never looked at, and never without an interval`() {
        var list = WarmList(name: "a")
        #expect(!list.isDue(nil, at: Timestamp(seconds: 0)))
        list.every = .seconds(60)
        #expect(list.isDue(nil, at: Timestamp(seconds: 0)))
    }

    @Test func `asks for each image on each platform`() throws {
        var list = WarmList(name: "a")
        list.images = ["alpine", "redis:7.*"]
        #expect(list.wishes == [WarmWish(image: "alpine"), WarmWish(image: "redis:7.*")])
        list.platforms = [try Platform(parsing: "linux/amd64"), try Platform(parsing: "linux/arm64")]
        #expect(list.wishes.count == 4 && list.wishes[1].platform == list.platforms[1])
    }
}
