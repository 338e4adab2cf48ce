import OCI
import Serving
import TestSupport
import Testing

@testable import MirrorAPI

@Suite struct `The mirror's addresses` {
    private static let served: Set<String> = ["docker.io", "ghcr.io", "localhost:5000", "[::1]:5000"]

    private func target(_ text: String) throws -> MirrorTarget {
        let request = try #require(ServerRequest("GET", text))
        return try MirrorTarget(request) { Self.served.contains($0) }
    }

    @Test(arguments: [
        ("/v2/library/alpine/manifests/3.20", "docker.io/library/alpine:3.20"),
        ("/v2/alpine/manifests/3.20", "docker.io/library/alpine:3.20"),
        ("/v2/library/alpine/manifests/3.20?ns=docker.io", "docker.io/library/alpine:3.20"),
        ("/v2/o/r/manifests/1?ns=ghcr.io", "ghcr.io/o/r:1"),
        ("/v2/ghcr.io/o/r/manifests/1", "ghcr.io/o/r:1"),
        ("/v2/ghcr.io/o/r/manifests/1?ns=ghcr.io", "ghcr.io/o/r:1"),
        ("/ghcr.io/v2/o/r/manifests/1?ns=ghcr.io", "ghcr.io/o/r:1"),
        ("/ghcr.io/v2/o/r/manifests/1", "ghcr.io/o/r:1"),
        ("/docker.io/v2/library/alpine/manifests/1", "docker.io/library/alpine:1"),
        ("/v2/docker.io/library/alpine/manifests/1", "docker.io/library/alpine:1"),
        ("/v2/index.docker.io/library/alpine/manifests/1", "docker.io/library/alpine:1"),
        ("/v2/library/alpine/manifests/1?ns=registry-1.docker.io", "docker.io/library/alpine:1"),
        ("/v2/localhost:5000/x/manifests/1", "localhost:5000/x:1"),
        ("/v2/%5B::1%5D:5000/x/manifests/1", "[::1]:5000/x:1"),
        ("/v2/library%2Falpine/manifests/1", "docker.io/library/alpine:1"),
        ("/v2/GHCR.io/o/r/manifests/1", "ghcr.io/o/r:1"),
    ])
    func `lead to a reference`(path: String, reference: String) throws {
        let expected = MirrorTarget.Endpoint.manifest(try Reference(parsing: reference))
        #expect(try target(path).endpoint == expected)
    }

    @Test(arguments: [
        "/v2/evil.example/o/r/manifests/1", "/v2/o/r/manifests/1?ns=evil.example",
        "/v2/o/r/manifests/1?ns=127.0.0.1:80",
        "/v2/o/r/manifests/1?ns=ghcr.io&ns=ghcr.io", "/v2/o/r/manifests/1?ns=ghcr.io/x",
        "/v2/o/r/manifests/1?ns=ghcr.io:443",
        "/v2/o/r/manifests/1?ns=user@ghcr.io", "/v2/o/r/manifests/1?ns=169.254.169.254",
        "/v2/ghcr.io/o/r/manifests/1?ns=docker.io",
        "/docker.io/v2/ghcr.io/o/r/manifests/1", "/v2/localhost/x/manifests/1", "/v2/UPPER/x/manifests/1",
        "/v2/a//b/manifests/1", "/v2/../x/manifests/1", "/v2/x/manifests/", "/v2/x/manifests/-bad", "/v2/manifests/1",
        "/v1/x/manifests/1", "/", "/v2/x/tags/other", "/v2/x/uploads/1",
    ])
    func `that are none are asked of nobody`(path: String) throws {
        #expect(throws: (any Error).self) { try target(path) }
    }

    @Test func `that are none are answered 400 or 404, and no registry hears of them`() async throws {
        try await withMirror { rig in
            for path in [
                "/v2/o/r/manifests/1?ns=evil.example", "/v2/evil.example/o/r/manifests/1", "/v2/x/manifests/!",
            ] {
                let answer = try await rig.get(path)
                #expect([400, 404].contains(answer.status), "\(path)")
                #expect(try answer.json["errors"]?.array?.count == 1)
            }
            #expect(rig.hub.log.records.isEmpty)
        }
    }

    @Test func `are read only`() async throws {
        try await withMirror { rig in
            for method in ["PUT", "POST", "PATCH", "DELETE"] {
                for path in ["/v2/x/manifests/1", "/v2/x/blobs/uploads/", "/v2/"] {
                    let answer = try await rig.ask(method, path)
                    #expect(answer.status == 405)
                    #expect(try answer.json["errors"]?.array?.first?["code"]?.string == "UNSUPPORTED")
                }
            }
            #expect(rig.hub.log.records.isEmpty)
        }
    }

    @Test func `begin with a ping that asks for nothing`() async throws {
        try await withMirror { rig in
            await rig.hub.goOffline()
            for path in ["/v2/", "/v2", "/docker.io/v2/"] {
                let answer = try await rig.get(path)
                #expect(answer.status == 200 && answer.text == "{}")
                #expect(answer.header("Docker-Distribution-Api-Version") == "registry/2.0")
                #expect(answer.header("WWW-Authenticate") == nil)
            }
        }
    }

    @Test(arguments: [
        [("Host", "evil.example")], [("Host", "evil.example:5050")], [("Origin", "http://127.0.0.1:5050")],
        [("Origin", "null")], [("Sec-Fetch-Site", "cross-site")], [("Sec-Fetch-Site", "same-site")],
        [("Host", "127.0.0.1.evil.example")], [("Host", "1.2.3")],
    ])
    func `are closed to pages in a browser`(headers: [(String, String)]) async throws {
        try await withMirror { rig in
            for path in ["/v2/", "/v2/x/manifests/1"] {
                let answer = try await rig.get(path, headers)
                #expect(answer.status == 403)
            }
            #expect(rig.hub.log.records.isEmpty)
        }
    }

    @Test(arguments: ["127.0.0.1:5050", "localhost", "[::1]:5050", "cache.example:5050", "10.1.2.3", "x.localhost:1"])
    func `are open under our own names`(host: String) async throws {
        try await withMirror { rig in
            let answer = try await rig.get("/v2/", [("Host", host)])
            #expect(answer.status == 200)
        }
    }

    @Test func `on a plain port close at a TLS greeting at once`() async throws {
        try await withMirror { rig in
            try await rig.serving { port in
                let began = ContinuousClock.now
                let result = try await runProcess("curl", ["-sS", "-k", "https://127.0.0.1:\(port)/v2/"])
                #expect(result.status == 35, "\(result.errors)")
                #expect(ContinuousClock.now - began < .seconds(5), "clients wait 10 s for such an answer")
            }
        }
    }
}
