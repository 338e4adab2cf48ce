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
        let found = self.isDue(list, state(checked: checked, failures: failures), now)
        #expect(found == isDue)
    }

    @Test func `comes at once for what was never looked at, and never without an interval`() {
        var list = WarmList(name: "a")
        #expect(!isDue(list, nil, 0))
        list.every = .seconds(60)
        #expect(isDue(list, nil, 0))
    }

    /// 03:00 of the first day of 1970 is second 10,800.
    @Test(arguments: [
        (Int64?.none, 0, Int64(10_799), false), (nil, 0, 10_800, true), (10_799, 0, 10_800, true),
        (10_800, 0, 10_801, false), (10_800, 0, 97_199, false), (10_800, 0, 97_200, true),
        // What the machine slept through is made up for, once.
        (10_800, 0, 500_000, true), (500_000, 0, 500_001, false),
        // A failure does not wait for the next day.
        (10_800, 1, 10_859, false), (10_800, 1, 10_860, true), (10_800, 30, 14_399, false), (10_800, 30, 14_400, true),
        (20_000, 0, 10_000, true),
    ])
    func `comes when its schedule does`(checked: Int64?, failures: Int, now: Int64, isDue: Bool) throws {
        var list = WarmList(name: "a")
        list.schedule = [try CalendarExpression("03:00")]
        #expect(self.isDue(list, checked.map { state(checked: $0, failures: failures) }, now) == isDue)
    }

    private func isDue(_ list: WarmList, _ state: WarmState?, _ now: Int64) -> Bool {
        list.isDue(state, at: Timestamp(seconds: now), known: Timestamp(seconds: 0), zone: .utc)
    }

    @Test func `asks for each image on each platform`() throws {
        var list = WarmList(name: "a")
        list.images = ["alpine", "redis:7.*"]
        #expect(list.wishes == [WarmWish(image: "alpine"), WarmWish(image: "redis:7.*")])
        list.platforms = [try Platform(parsing: "linux/amd64"), try Platform(parsing: "linux/arm64")]
        #expect(list.wishes.count == 4 && list.wishes[1].platform == list.platforms[1])
    }
}
