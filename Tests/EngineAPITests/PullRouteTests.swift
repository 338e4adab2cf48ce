import OCI
import Pulling
import Registry
import Serving
import Testing

@testable import EngineAPI

@Suite struct `Pulling an image` {
    private static let layer = TestImage.layer(0xA0, 1000)
    private static let target = "/v1.50/images/create?fromImage=docker.io%2Flibrary%2Fworker"

    private func pull(
        _ script: ScriptedPuller.Script, _ query: String = "&tag=1.4", headers: [(String, String)] = []
    ) async throws -> (answer: EngineFixture.Answer, requests: [PullRequest]) {
        let puller = ScriptedPuller(script)
        let fixture = try await EngineFixture(puller: puller)
        let answer = try await fixture.ask("POST", Self.target + query, headers: headers)
        return (answer, await puller.requests)
    }

    private func status(_ frames: [JSON]) -> [String] { frames.map { $0["status"]?.string ?? "?" } }

    @Test func `streams frames and ends with digest and status`() async throws {
        let answer = try await pull(.init(events: [.layer(Self.layer, .exists)])).answer
        #expect(answer.status == 200)
        #expect(answer.headers.first("Content-Type") == "application/json")
        #expect(
            try status(answer.frames) == [
                "Pulling from library/worker", "Already exists", "Digest: \(TestImage.digest(0x77))",
                "Status: Downloaded newer image for worker:1.4",
            ])
        #expect(answer.failure == nil)
    }

    @Test func `gives only layers a progressDetail`() async throws {
        let frames = try await pull(.init(events: [.layer(Self.layer, .exists)])).answer.frames
        #expect(frames.map { $0["progressDetail"] != nil } == [false, true, false, false])
    }

    @Test func `says that nothing was to be done`() async throws {
        let answer = try await pull(.init(upToDate: true, events: [.layer(Self.layer, .exists)])).answer
        #expect(
            try status(answer.frames) == [
                "Pulling from library/worker", "Digest: \(TestImage.digest(0x77))",
                "Status: Image is up to date for worker:1.4",
            ])
    }

    @Test(arguments: [
        (FaultKind.notFound, 404), (.unauthenticated, 404), (.forbidden, 403), (.invalidInput, 400),
        (.alreadyExists, 409), (.rateLimited(retryAfter: .seconds(5)), 429), (.unsupported, 501), (.integrity, 500),
        (.outOfSpace, 500), (.timedOut, 500), (.unavailable(retryAfter: nil), 500), (.cancelled, 500),
        (.internalFailure, 500),
    ])
    func `fails with a status before the first frame`(kind: FaultKind, expected: Int) async throws {
        let answer = try await pull(.init(refusal: TestFault(kind: kind))).answer
        #expect(answer.status == expected)
        #expect(answer.text == "{\"message\":\"it went wrong\"}\n")
        #expect(answer.headers.first("Content-Type") == "application/json")
    }

    @Test func `says how long a spent allowance lasts`() async throws {
        let fault = TestFault(kind: .rateLimited(retryAfter: .milliseconds(4200)))
        #expect(try await pull(.init(refusal: fault)).answer.headers.first("Retry-After") == "5")
    }

    @Test func `does not tell strangers of bugs`() async throws {
        struct Secret: Error { var text = "password" }
        let answer = try await pull(.init(refusal: Secret())).answer
        #expect(answer.status == 500)
        #expect(!answer.text.contains("password"))
    }

    @Test func `fails in a frame after the first one`() async throws {
        let answer = try await pull(.init(failure: TestFault(kind: .integrity))).answer
        #expect(answer.status == 200)
        let last = try #require(try answer.frames.last)
        #expect(last["errorDetail"]?["message"] == "it went wrong")
        #expect(last["error"] == "it went wrong")
        #expect(answer.failure == nil)
    }

    @Test func `cuts the connection when it was cancelled, which is no success`() async throws {
        let answer = try await pull(.init(failure: CancellationError())).answer
        #expect(answer.failure is CancellationError)
        #expect(try answer.frames.count == 1)
    }

    @Test func `ends when the client leaves`() async throws {
        let events = (1...50).map { PullEvent.layer(TestImage.layer($0, 10), .exists) }
        let fixture = try await EngineFixture(puller: ScriptedPuller(.init(events: events)))
        let request = try #require(ServerRequest("POST", Self.target + "&tag=1"))
        guard case .stream(let run) = await fixture.routes.respond(to: request).body else {
            Issue.record("the answer is no stream")
            return
        }
        let writer = CollectingWriter(patience: 3)
        await #expect(throws: ClientGone.self) { try await run(writer) }
        #expect(await writer.bytes.count { $0 == 0x0A } == 3)
    }

    @Test func `passes on platform and credentials`() async throws {
        let auth = "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAifQ=="
        let request = try #require(
            try await pull(.init(), "&tag=1.4&platform=linux%2Farm64%2Fv8", headers: [("x-registry-auth", auth)])
                .requests.first)
        #expect(request.reference.description == "docker.io/library/worker:1.4")
        #expect(request.platform?.architecture == "arm64")
        #expect(request.credential == .basic(username: "u", password: "p"))
    }

    @Test func `leaves credentials to the daemon when there are none`() async throws {
        let request = try await pull(.init(), headers: [("X-Registry-Auth", "e30=")]).requests.first
        #expect(request?.credential == nil)
    }

    @Test func `takes all tags one after the other, and ends with one status`() async throws {
        let (answer, requests) = try await pull(.init(tags: ["1", "2"]), "")
        #expect(requests.map { $0.reference.tag } == ["1", "2"])
        #expect(
            try status(answer.frames) == [
                "Pulling from library/worker", "Digest: \(TestImage.digest(0x77))", "Pulling from library/worker",
                "Digest: \(TestImage.digest(0x77))", "Status: Downloaded newer image for worker",
            ])
    }

    @Test func `finds a repository without tags not there`() async throws {
        #expect(try await pull(.init(), "").answer.status == 404)
    }
}
