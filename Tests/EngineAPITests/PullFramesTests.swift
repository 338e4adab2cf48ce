import OCI
import Pulling
import Testing

@testable import EngineAPI

@Suite struct `The frames of a pull` {
    private let base = TestImage.layer(0xA0, 1000)
    private let upper = TestImage.layer(0xB0, 2000)
    private let start = ContinuousClock.now

    private func said(_ frames: [JSON]) -> [String] {
        frames.map { frame in
            let detail = frame["progressDetail"].map { String(decoding: $0.serialized(), as: UTF8.self) } ?? "-"
            return "\(frame["id"]?.string?.prefix(2) ?? "-") \(frame["status"]?.string ?? "") \(detail)"
        }
    }

    private func frames(_ events: [PullEvent], every step: Duration = .seconds(1)) throws -> [String] {
        var frames = PullFrames(try Reference(parsing: "worker:1.4"))
        var now = start
        return events.flatMap { event in
            now = now.advanced(by: step)
            return said(frames.take(event, at: now))
        }
    }

    @Test(arguments: [
        ("worker:1.4", "{\"status\":\"Pulling from library/worker\",\"id\":\"1.4\"}"),
        ("r.io:5000/team/proxy:1", "{\"status\":\"Pulling from team/proxy\",\"id\":\"1\"}"),
        (
            "worker@\(TestImage.digest(1))",
            "{\"status\":\"Pulling from library/worker\",\"id\":\"docker.io/library/worker@\(TestImage.digest(1))\"}"
        ),
    ])
    func `begin with the repository`(reference: String, expected: String) throws {
        let opening = PullFrames(try Reference(parsing: reference)).opening
        #expect(String(decoding: PullFrames.line(opening), as: UTF8.self) == expected + "\r\n")
    }

    @Test func `follow a layer through its states`() throws {
        let told = try frames([
            .layer(base, .waiting), .layer(base, .downloading(current: 0, total: 1000)),
            .layer(base, .downloading(current: 1000, total: 1000)), .layer(base, .verifying),
            .layer(base, .downloaded), .layer(base, .complete),
        ])
        #expect(
            told == [
                "a0 Pulling fs layer {}", "a0 Downloading {\"current\":0,\"total\":1000}",
                "a0 Downloading {\"current\":1000,\"total\":1000}", "a0 Verifying Checksum {}",
                "a0 Download complete {}", "a0 Pull complete {}",
            ])
    }

    @Test func `announce a layer whatever is heard of it first`() throws {
        #expect(try frames([.layer(base, .complete)]) == ["a0 Pulling fs layer {}", "a0 Pull complete {}"])
        #expect(try frames([.layer(base, .exists), .layer(base, .exists)]) == ["a0 Already exists {}"])
    }

    @Test func `say that layers wait when others have begun`() throws {
        let told = try frames([
            .layer(base, .waiting), .layer(upper, .waiting), .layer(base, .downloading(current: 0, total: 1000)),
            .layer(upper, .downloading(current: 0, total: 2000)),
        ])
        #expect(
            told == [
                "a0 Pulling fs layer {}", "b0 Pulling fs layer {}", "b0 Waiting {}",
                "a0 Downloading {\"current\":0,\"total\":1000}", "b0 Downloading {\"current\":0,\"total\":2000}",
            ])
    }

    @Test func `tell progress ten times a second, and the end always`() throws {
        let events = (0...100).map { PullEvent.layer(base, .downloading(current: $0 * 10, total: 1000)) }
        let told = try frames(events, every: .milliseconds(10))
        #expect(told.count == 1 + 11)  // the announcement; the first at once, then one in 100 ms
        #expect(told.last == "a0 Downloading {\"current\":1000,\"total\":1000}")
    }

    @Test func `tell the last figure when it was thinned out`() throws {
        let told = try frames(
            [
                .layer(base, .downloading(current: 10, total: 1000)),
                .layer(base, .downloading(current: 990, total: 1000)), .layer(base, .verifying),
            ], every: .milliseconds(1))
        #expect(
            told.suffix(2) == ["a0 Downloading {\"current\":1000,\"total\":1000}", "a0 Verifying Checksum {}"])
    }

    @Test(arguments: [
        (Duration.seconds(1), "a0 Retrying in 1 second {}"), (.milliseconds(200), "a0 Retrying in 1 second {}"),
        (.milliseconds(4500), "a0 Retrying in 5 seconds {}"), (.zero, "a0 Retrying in 1 second {}"),
    ])
    func `say when a layer is tried again`(delay: Duration, expected: String) throws {
        #expect(try frames([.layer(base, .retrying(after: delay))]).last == expected)
    }

    @Test func `leave out the totals, which docker has no words for`() throws {
        let totals = PullTotals(layers: 1, layersDone: 0, bytes: 1, received: 0, shared: 0)
        #expect(try frames([.total(totals)]).isEmpty)
    }

    @Test func `carry an error for old clients and new`() {
        let line = PullFrames.line(PullFrames.failure("a > b"))
        #expect(
            String(decoding: line, as: UTF8.self)
                == "{\"errorDetail\":{\"message\":\"a \\u003e b\"},\"error\":\"a \\u003e b\"}\r\n")
    }
}
