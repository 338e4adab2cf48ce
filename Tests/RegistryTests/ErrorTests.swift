import Hashing
import OCI
import TestSupport
import Testing
import Transport

@testable import Registry

@Suite struct `A registry's error` {
    static let resolving: [(status: Int, body: String, kind: FaultKind, sentence: String)] = [
        (
            404, "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}", .notFound,
            "manifest for worker:1.4 not found: manifest unknown: manifest unknown (at registry-1.docker.io)"
        ),
        (
            404, "", .notFound,
            "manifest for worker:1.4 not found: manifest unknown: manifest unknown (at registry-1.docker.io)"
        ),
        (
            404, "{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"repository name not known to registry\"}]}",
            .notFound,
            "repository worker not found: name unknown: repository name not known to registry (at registry-1.docker.io)"
        ),
        (
            403, "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"requested access to the resource is denied\"}]}",
            .unauthenticated,
            "pull access denied for worker, repository does not exist or may require 'docker login': "
                + "denied: requested access to the resource is denied (at registry-1.docker.io)"
        ),
        (
            429, "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"You have reached your pull rate limit.\"}]}",
            .rateLimited(retryAfter: nil),
            "toomanyrequests: You have reached your pull rate limit. "
                + "(pulling worker:1.4 from registry-1.docker.io)"
        ),
        (
            503, "<html>down</html>", .unavailable(retryAfter: nil),
            "cannot pull worker:1.4 from registry-1.docker.io: registry-1.docker.io answered 503: without a reason"
        ),
        (
            418, "short and stout\nmore", .forbidden,
            "cannot pull worker:1.4 from registry-1.docker.io: registry-1.docker.io answered 418: short and stout"
        ),
    ]

    @Test(arguments: resolving)
    func `says what docker says`(status: Int, body: String, kind: FaultKind, sentence: String) async throws {
        let rig = Rig(attempts: 1) { request, _ in
            if request.url.hasSuffix("/v2/") { return .status(200) }
            return request.method == .head ? .status(405) : .status(status, [], body)
        }
        let error = await #expect(throws: RegistryError.self) {
            _ = try await rig.client.resolve(reference("worker:1.4"), credential: nil)
        }
        #expect(error?.description == sentence && error?.kind == kind)
    }

    @Test func `about a blob names it and the host`() async throws {
        let sample = Sample.blob(10)
        let rig = Rig { _, _ in .status(404) }
        let text = try await sentence {
            try await rig.client.blob(
                sample.descriptor, in: repository("r.example/a"), credential: nil, into: Gathering())
        }
        #expect(
            text == "r.example/a@\(sample.descriptor.digest) not found at r.example: blob unknown: blob unknown")
    }

    static let bodies: [(body: String, text: String?)] = [
        ("{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\"},{\"code\":\"X\"}]}", "denied: no"),
        ("{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}", "unauthorized"), ("{\"errors\":[]}", nil), ("{}", nil),
        ("{\"details\":\"incorrect username or password\"}", "incorrect username or password"),
        ("{\"error\":\"invalid_token\",\"error_description\":\"expired\"}", "invalid token: expired"),
        (
            "<?xml?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
            "accessdenied: Request has expired"
        ),
        ("<html><body>x</body></html>", nil), ("", nil),
        ("\n\n  \nToo Many Requests (HAP429).\n", "Too Many Requests (HAP429)."),
        ("see https://x.example/a?token=abc now", "see https://x.example/a now"),
        ("a\u{1B}[31mred\u{7}\u{202E}x", "a [31mred x"), ("[1,2]", nil), ("\"text\"", nil),
    ]

    @Test(arguments: bodies)
    func `is understood in every shape that servers send`(body: String, text: String?) {
        #expect(Refusal(Array(body.utf8)).text == text)
    }

    @Test func `hides a secret that its code has as words, too`() {
        let refusal = Refusal(Array("{\"error\":\"NO_HUNTER_2\"}".utf8), secrets: ["hunter 2"])
        #expect(refusal.text == "no [hidden]")
    }

    @Test func `is short, however long the server's text`() {
        let text = Refusal(Array(String(repeating: "word ", count: 100_000).utf8)).text
        #expect(text.map { $0.count <= 301 } == true)
    }

    static let connection: [(error: TransportError, remedy: String)] = [
        (.unreachable(host: "r.example", reason: "its name could not be resolved"), "proxy"),
        (
            .untrusted(host: "r.example", reason: "its certificate has expired"),
            "ca and insecure in [registry.\"r.example\"]"
        ),
        (.timedOut(host: "r.example", reason: "no connection within 10 s"), "check the network"),
    ]

    @Test(arguments: connection)
    func `about a connection names host and remedy`(error: TransportError, remedy: String) async throws {
        let rig = Rig(attempts: 1) { _, _ in throw error }
        let text = try await sentence { _ = try await rig.client.resolve(reference("r.example/a:1"), credential: nil) }
        #expect(text?.hasPrefix("cannot pull r.example/a:1 from r.example: ") == true)
        #expect(text?.contains(remedy) == true && text?.contains(error.description) == true)
    }

    @Test(arguments: [200, 307, 400, 401, 403, 404, 418, 429, 500, 503])
    func `never shows a secret, even one that the server repeats`(status: Int) async throws {
        let canary = "hunter2-canary"
        for credential in [
            Credential.basic(username: "ann", password: canary), .identityToken(canary), .registryToken(canary),
        ] {
            for isTokenServer in [true, false] {
                let rig = Rig(attempts: 1) { request, _ in
                    let echo = "\(request.headers.first("Authorization") ?? "") \(canary) https://x/?q=\(canary)"
                    let refusal = ScriptedReply.status(
                        status, [("Location", "https://ann:\(canary)@x.example/?\(canary)")],
                        "{\"errors\":[{\"code\":\"\(canary)\",\"message\":\"\(echo)\"}]}")
                    if request.url.hasPrefix("https://auth") {
                        return isTokenServer ? refusal : .token("{\"token\":\"minted-\(canary)\"}")
                    }
                    return request.headers.first("Authorization") == nil ? .challenge(plainChallenge) : refusal
                }
                let error = await #expect(throws: RegistryError.self) {
                    _ = try await rig.client.resolve(
                        reference("r.example/a@\(Digest.sha256(of: []))"), credential: credential)
                }
                var text = "\(error as Any) \(String(reflecting: error))"
                dump(error, to: &text)
                #expect(!text.contains(canary), "\(text)")
            }
        }
    }
}

/// Answers that registries really gave, from the corpus.
@Suite(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)")) struct `A captured answer` {
    private func reply(_ name: String) throws -> ScriptedReply {
        let exchanges = try CorpusFiles.json("corpus/public/http/exchanges.json").array
        let exchange = try #require(exchanges?.first { $0["name"]?.string == name })
        let fields = (exchange["headers"]?.array ?? []).compactMap { field -> (String, String)? in
            guard let pair = field.array, pair.count == 2, let key = pair[0].string, let value = pair[1].string,
                !["content-length", "transfer-encoding"].contains(key.lowercased())
            else { return nil }
            return (key, value)
        }
        return ScriptedReply(
            status: Int(exchange["status"]?.integer ?? 0), headers: HTTPHeaders(fields),
            body: Array((exchange["body"]?.string ?? "").utf8))
    }

    static let failures: [(name: String, kind: FaultKind)] = [
        ("err-get-registry-1-docker-io-v2-library-busybox-manifests-this-does-not-ex", .notFound),
        ("distribution-manifest-hello-world-v99-latest", .notFound), ("distribution-tags-hello-world-v99", .notFound),
        ("hub-429-pull-limit-json", .rateLimited(retryAfter: nil)),
        ("hub-429-hap429-bare-lf", .rateLimited(retryAfter: .seconds(60))),
        ("hub-api-429-retry-after-unix-time", .rateLimited(retryAfter: .seconds(60))),
        ("ghcr-tags-denied-invalid-token", .unauthenticated), ("artifactory-401-basic", .unauthenticated),
        ("ecr-private-401-basic", .unauthenticated), ("err-http-body-not-in-expected-format", .forbidden),
        ("err-http-status-out-of-registry-error-range", .forbidden), ("ghcr-manifest-404-accept", .notFound),
        ("err-401-body-not-in-expected-format", .unauthenticated), ("hub-schema1-downgrade", .unsupported),
        ("distribution-manifest-hello-world-v1-latest", .unsupported), ("ecr-api-invalid-token", .forbidden),
    ]

    @Test(arguments: failures)
    func `of failure is sorted by its kind`(name: String, kind: FaultKind) async throws {
        let captured = try reply(name)
        let rig = Rig(attempts: 1) { request, _ in
            request.method == .head ? .status(405) : request.url.hasSuffix("/v2/") ? .status(200) : captured
        }
        let error = await #expect(throws: RegistryError.self) {
            _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        }
        #expect(error?.kind == kind, "\(error?.description ?? "")")
    }

    @Test func `of Docker Hub resolves through its token server`() async throws {
        let names = ["hub-library-ubuntu-manifests-12-04-401", "hub-library-ubuntu-manifests-12-04-200"]
        let (challenge, manifest) = (try reply(names[0]), try reply(names[1]))
        let rig = Rig { request, _ in
            if request.url.hasPrefix("https://auth.docker.io/token?") { return .token("{\"token\":\"t\"}") }
            return request.headers.first("Authorization") == nil ? challenge : manifest
        }
        let digest = "sha256:18305429afa14ea462f810146ba44d4363ae76e4c8dfc38288cf73aa07485005"
        let resolution = try await rig.client.resolve(reference("ubuntu@\(digest)"), credential: nil)
        #expect(resolution.body == manifest.body && resolution.descriptor.mediaType == .dockerManifest)
        #expect(
            rig.asked[1] == "GET https://auth.docker.io/token?service=registry.docker.io"
                + "&scope=repository%3Alibrary%2Fubuntu%3Apull")
    }

    @Test func `of Docker Hub denies what does not exist in docker's words`() async throws {
        let name = "err-get-registry-1-docker-io-v2-library-this-does-not-exist-manifests-late"
        let challenge = try reply(name)
        let rig = Rig { request, _ in
            request.url.hasPrefix("https://auth.docker.io/") ? .token("{\"token\":\"t\"}") : challenge
        }
        let text = try await sentence {
            _ = try await rig.client.resolve(reference("this-does-not-exist"), credential: nil)
        }
        #expect(
            text == "pull access denied for this-does-not-exist, repository does not exist or may require "
                + "'docker login': denied: requested access to the resource is denied (at registry-1.docker.io)")
    }

    @Test(arguments: ["distribution-tags-hello-world-v1", "hub-tags-200-2015"])
    func `lists tags`(name: String) async throws {
        let captured = try reply(name)
        let rig = Rig { _, _ in captured }
        let tags = try await rig.client.tags(of: repository("r.example/a"), credential: nil)
        #expect(tags.contains("latest"))
    }
}
