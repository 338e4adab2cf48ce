import OCI
import Pulling
import Serving
import Testing

@testable import EngineAPI

@Suite struct `Events` {
    private let worker = TestImage.digest(0x22)

    private func fixture() async throws -> EngineFixture {
        let fixture = try await EngineFixture()
        let labels = ["tier": "backend"]
        fixture.events.post(.pulled(try Reference(parsing: "worker:1.4"), labels: labels))
        fixture.events.post(.tagged(worker, as: try Reference(parsing: "reg:5000/a/x:1"), labels: labels))
        fixture.events.post(.untagged(worker, from: try Reference(parsing: "worker:1.4"), labels: labels))
        fixture.events.post(.deleted(worker))
        fixture.events.post(.loaded(worker, labels: [:]))
        fixture.events.post(.saved(worker, labels: [:]))
        fixture.events.post(.pruned(bytes: 7))
        return fixture
    }

    private func actions(_ fixture: EngineFixture, _ query: String) async throws -> [String] {
        let answer = try await fixture.get("/v1.50/events?until=\(testNow.seconds)&" + query)
        return try answer.text.split(separator: "\n").map {
            try JSON(parsing: Array($0.utf8))["Action"]?.string ?? "?"
        }
    }

    @Test func `have dockerd's members, in its order`() async throws {
        let answer = try await fixture().get("/v1.50/events?since=1&until=\(testNow.seconds)")
        #expect(answer.status == 200)
        #expect(answer.headers.first("Content-Type") == "application/json")
        let lines = answer.text.split(separator: "\n")
        let time = "\"scope\":\"local\",\"time\":1767323045,\"timeNano\":1767323045000000000}"
        #expect(
            lines.first
                == """
                {"status":"pull","id":"worker:1.4","Type":"image","Action":"pull","Actor":{"ID":"worker:1.4",\
                "Attributes":{"name":"worker","tier":"backend"}},\(time)
                """)
        #expect(
            lines.last
                == """
                {"status":"prune","Type":"image","Action":"prune","Actor":{"ID":"",\
                "Attributes":{"reclaimed":"7"}},\(time)
                """)
    }

    @Test(arguments: [
        ("", ["pull", "tag", "untag", "delete", "load", "save", "prune"]),
        (#"{"event":["tag","untag"]}"#, ["tag", "untag"]),
        (#"{"type":{"image":true}}"#, ["pull", "tag", "untag", "delete", "load", "save", "prune"]),
        (#"{"type":{"container":true}}"#, []), (#"{"image":["worker"]}"#, ["pull", "untag"]),
        (#"{"image":["worker:1.4"]}"#, ["pull", "untag"]), (#"{"image":["reg:5000/a/x"]}"#, ["tag"]),
        (#"{"label":["tier=backend"],"event":["tag"]}"#, ["tag"]), (#"{"label":["tier","none"]}"#, []),
        (#"{"label":["tier=x"]}"#, []), (#"{"scope":["swarm"]}"#, []), (#"{"container":["x"]}"#, []),
    ])
    func `pass where every filter agrees`(filters: String, expected: [String]) async throws {
        #expect(try await actions(try await fixture(), "filters=\(percentEncoded(filters))") == expected)
    }

    @Test func `of an image are found by its ID`() async throws {
        let filters = percentEncoded("{\"image\":[\"\(worker)\"]}")
        let found = try await actions(try await fixture(), "filters=\(filters)")
        #expect(found == ["tag", "untag", "delete", "load", "save"])
    }

    @Test func `beside the span are not told`() async throws {
        let answer = try await fixture().get("/v1.50/events?until=\(testNow.seconds - 1)")
        #expect(answer.status == 200)
        #expect(answer.body == [])
    }

    @Test(arguments: ["since=5&until=4", "since=x", "until=yesterday", "since=1&filters=%7B", "filters=[]"])
    func `are refused for a span or filters that make no sense`(query: String) async throws {
        let answer = try await fixture().get("/v1.50/events?\(query)")
        #expect(answer.status == 400)
        #expect(try answer.message?.isEmpty == false)
    }

    @Test func `come as they happen, without history, until the log is closed`() async throws {
        let fixture = try await fixture()
        let lines = try await follow(fixture, "/v1.50/events") { fixture.events.close() }
        #expect(lines.map { $0["Action"]?.string } == ["delete"])
    }

    @Test func `come after history where a beginning is given, until the end of the span`() async throws {
        let fixture = try await fixture()
        let lines = try await follow(fixture, "/v1.50/events?since=1&until=\(testNow.seconds + 1)") {}
        #expect(lines.count == 8)
        #expect(lines.last?["Action"]?.string == "delete")
    }

    @Test func `that come faster than they are read end the stream without its end`() async throws {
        let fixture = try await EngineFixture()
        let writer = StalledWriter()
        let response = await fixture.routes.respond(to: try #require(ServerRequest("GET", "/events")))
        guard case .stream(let run) = response.body else { return #expect(Bool(false), "no stream") }
        let streaming = Task { try await run(writer) }
        while fixture.events.listeners == 0 { await Task.yield() }
        fixture.events.post(.pruned(bytes: 0))
        await writer.untilWriting()
        for number in 0...1024 { fixture.events.post(.pruned(bytes: Int64(number))) }
        #expect(fixture.events.listeners == 0)
        await writer.release()
        await #expect(throws: EventsMissed.self) { try await streaming.value }
    }

    /// Posts one event once somebody listens, and returns what was written when the stream is over.
    private func follow(
        _ fixture: EngineFixture, _ target: String, then end: @escaping @Sendable () -> Void
    ) async throws -> [JSON] {
        let writer = CollectingWriter()
        let response = await fixture.routes.respond(to: try #require(ServerRequest("GET", target)))
        guard case .stream(let run) = response.body else { return [] }
        let streaming = Task { try await run(writer) }
        while fixture.events.listeners == 0 { await Task.yield() }
        fixture.events.post(.deleted(worker))
        end()
        try await streaming.value
        let text = String(decoding: await writer.bytes, as: UTF8.self)
        return try text.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
    }
}

/// A client that takes nothing until it is released.
private actor StalledWriter: ResponseWriter {
    private var isReleased = false
    private var isWriting = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var watching: [CheckedContinuation<Void, Never>] = []

    func write(_ bytes: [UInt8]) async throws {
        isWriting = true
        watching.forEach { $0.resume() }
        watching = []
        if !isReleased { await withCheckedContinuation { waiting.append($0) } }
    }

    func untilWriting() async {
        if !isWriting { await withCheckedContinuation { watching.append($0) } }
    }

    func release() {
        isReleased = true
        waiting.forEach { $0.resume() }
        waiting = []
    }
}
