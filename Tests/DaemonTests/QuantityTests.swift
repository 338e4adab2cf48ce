import Foundation
import Testing

@testable import Daemon

@Suite struct `A quantity` {
    @Test(arguments: [
        ("30s", Duration.seconds(30)), ("6h", .seconds(21_600)), ("7d", .seconds(604_800)), ("1.5m", .seconds(90)),
        ("250ms", .milliseconds(250)), ("0s", .zero),
    ])
    func `of time has a unit`(text: String, duration: Duration) {
        #expect(Quantity.duration(text) == duration)
    }

    @Test(arguments: ["", "s", "30", "30 parsecs", "-1s", "1e3s", "1..5s", "999999999999d", "٣s"])
    func `of time is refused when it is not one`(text: String) {
        #expect(Quantity.duration(text) == nil)
    }

    @Test(arguments: [
        ("50GB", Int64(50_000_000_000)), ("50GiB", 53_687_091_200), ("1.5kB", 1500), ("4KiB", 4096),
        ("10 MB", 10_000_000),
        ("7B", 7),
    ])
    func `of bytes is decimal or binary`(text: String, bytes: Int64) {
        #expect(Quantity.bytes(text) == bytes)
    }

    @Test(arguments: ["", "GB", "1XB", "99999999PB", "-1B", "1KiBit"])
    func `of bytes is refused when it is not one`(text: String) {
        #expect(Quantity.bytes(text) == nil)
    }
}
