import Coordination
import Hashing
import OCI
import Serving
import TestSupport
import Testing
import Transport
import Warming

@testable import Daemon

@Suite struct `An engine that warm lists fill` {
    private let digest = Digest.sha256(of: [1])

    private func engines(_ variables: [String: String] = [:], _ http: ScriptedHTTPClient) -> LocalEngines {
        let engines = LocalEngines(http: http, environment: variables)
        engines.mirrorListens(at: [.tcp(host: "192.0.2.1", port: 443), .tcp(host: "127.0.0.1", port: 5050)])
        return engines
    }

    private func reply(_ status: Int, _ body: String = "") -> ScriptedReply {
        ScriptedReply(status: status, headers: HTTPHeaders(), body: Array(body.utf8))
    }

    @Test func `is docker, told over its socket to pull from the mirror and to use the image's own name`() async throws
    {
        let http = ScriptedHTTPClient { [self] request in
            request.url.contains("/create")
                ? reply(200, "{\"status\":\"x\"}\n") : reply(request.method == .post ? 201 : 200)
        }
        let reference = try Reference(parsing: "ghcr.io/team/app:1.2")
        try await engines(["DOCKER_HOST": "unix:///run/d.sock"], http).feed(
            .docker, reference, digest: digest, platform: try Platform(parsing: "linux/arm64"))
        let name = "http://docker/images/127.0.0.1:5050/ghcr.io/team/app:1.2"
        #expect(
            http.requests.map { "\($0.method.text) \($0.url)" } == [
                "POST http://docker/images/create?fromImage=127.0.0.1%3A5050%2Fghcr.io%2Fteam%2Fapp&tag=1.2"
                    + "&platform=linux%2Farm64",
                "POST \(name)/tag?repo=ghcr.io%2Fteam%2Fapp&tag=1.2", "DELETE \(name)",
            ])
        #expect(http.requests.allSatisfy { $0.options.unixSocket == "/run/d.sock" })
    }

    @Test func `is asked for a digest by the image's own name, for that cannot be given to it`() async throws {
        let http = ScriptedHTTPClient { [self] _ in reply(200) }
        let reference = try Reference(parsing: "alpine@\(digest)")
        try await engines([:], http).feed(.docker, reference, digest: digest, platform: nil)
        #expect(http.requests.count == 1 && http.requests[0].options.unixSocket == "/var/run/docker.sock")
        #expect(http.requests[0].url.contains("fromImage=docker.io%2Flibrary%2Falpine&tag=sha256%3A"))
    }

    @Test(arguments: [
        (200, "{\"status\":\"a\"}\n{\"errorDetail\":{},\"error\":\"no space left\"}\n", "no space left"),
        (500, "{\"message\":\"not today\"}", "not today"), (502, "<html>", "status 502"),
    ])
    func `that fails says why`(status: Int, body: String, reason: String) async throws {
        let http = ScriptedHTTPClient { [self] _ in reply(status, body) }
        let reference = try Reference(parsing: "alpine")
        let error = await #expect(throws: EngineError.self) {
            try await engines([:], http).feed(.docker, reference, digest: digest, platform: nil)
        }
        #expect(try #require(error).description.contains(reason))
    }

    @Test func `on another machine is none of this one's`() async throws {
        let http = ScriptedHTTPClient { [self] _ in reply(200) }
        let reference = try Reference(parsing: "alpine")
        await #expect(throws: EngineError.self) {
            try await engines(["DOCKER_HOST": "tcp://1.2.3.4:2375"], http).feed(
                .docker, reference, digest: digest, platform: nil)
        }
        #expect(http.requests.isEmpty)
    }
}
