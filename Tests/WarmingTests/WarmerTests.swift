import Catalogue
import Coordination
import OCI
import Pulling
import Registry
import TestSupport
import Testing

@testable import Warming

@Suite struct `A warm list's run by itself` {
    /// Never gets done, and says when it was asked and when it was let go.
    private final class SlowPuller: ImagePuller {
        let asked = Watched(0), left = Watched(0)

        func pull(_ request: PullRequest) async throws -> Pull {
            asked.update { $0 += 1 }
            defer { left.update { $0 += 1 } }
            while true { try await Task.sleep(for: .seconds(3600)) }
        }
        func tags(of repository: Repository, credential: Credential?) async throws -> [String] { [] }
    }

    private struct NoEngine: EngineFeeder {
        func feed(_ engine: WarmEngine, _ reference: Reference, digest: Digest, platform: Platform?) async throws {}
    }

    @Test func `waits for its window, ends with it, and is taken up again in the next`() async throws {
        let clock = Locked(try Timestamp(parsing: "2026-11-02T21:00:00Z"))
        let catalogue = try await Catalogue.open(path: nil) { clock.withLock { $0 } }
        let puller = SlowPuller()
        var list = WarmList(name: "night")
        list.images = ["alpine"]
        list.every = .seconds(3600)
        list.windows = [try WarmWindow("22:00-06:00")]
        let warmer = Warmer(
            lists: [list], puller: puller, catalogue: catalogue,
            collector: Collector(store: MemoryContentStore(), catalogue: catalogue) { _ in }, feeder: NoEngine(),
            now: { clock.withLock { $0 } }, zone: { .utc },
            sleep: { [puller] duration in
                _ = try await puller.asked.wait(for: "the pull") { $0 > 0 ? true : nil }
                clock.withLock { $0 = Timestamp(seconds: $0.seconds + duration.components.seconds) }
            })
        #expect(try await warmer.due().isEmpty)
        clock.withLock { $0 = Timestamp(seconds: $0.seconds + 7200) }
        let job = try #require(try await warmer.due().first)
        #expect(job.until.map { "\($0)" } == "2026-11-03T06:00:00Z")
        #expect(try await warmer.runInTime(job) == nil)
        #expect(puller.asked.value == 1 && puller.left.value == 1)
        #expect("\(clock.withLock { $0 })" == "2026-11-03T06:00:00Z")
        #expect(try await warmer.due().isEmpty)
        #expect(try await catalogue.warmStates().isEmpty, "what was cut off has not failed")
        clock.withLock { $0 = Timestamp(seconds: $0.seconds + 16 * 3600) }
        #expect(try await warmer.due().map(\.wishes) == [[WarmWish(image: "alpine")]])
    }

    @Test func `counts a schedule from when the list was first heard of, reloads or not`() async throws {
        let clock = Locked(Timestamp(seconds: 10_000))
        let catalogue = try await Catalogue.open(path: nil) { clock.withLock { $0 } }
        var list = WarmList(name: "a")
        list.images = ["alpine"]
        list.schedule = [try CalendarExpression("03:00")]
        let warmer = Warmer(
            lists: [list], puller: SlowPuller(), catalogue: catalogue,
            collector: Collector(store: MemoryContentStore(), catalogue: catalogue) { _ in }, feeder: NoEngine(),
            now: { clock.withLock { $0 } }, zone: { .utc })
        #expect(warmer.pause == .seconds(30))
        clock.withLock { $0 = Timestamp(seconds: 10_790) }
        #expect(warmer.pause == .seconds(10))
        clock.withLock { $0 = Timestamp(seconds: 10_801) }
        list.pin = true
        var other = WarmList(name: "b")
        (other.images, other.schedule) = (["busybox"], list.schedule)
        warmer.lists = [list, other]
        #expect(try await warmer.due().map(\.list) == ["a"])
    }
}
