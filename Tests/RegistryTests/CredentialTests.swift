import Coordination
import OCI
import Registry
import TestSupport
import Testing
import Transport

private let ann = Credential.basic(username: "ann", password: "hunter2hunter2")

@Suite struct `A credential` {
    @Test func `goes to the token server with its account, and never to the registry`() async throws {
        let rig = Rig { request, _ in
            if request.url.hasPrefix("https://auth") { return .token("{\"token\":\"t\"}") }
            return request.headers.first("Authorization") == "Bearer t"
                ? Sample.manifest().reply() : .challenge(plainChallenge)
        }
        _ = try await rig.client.resolve(reference("r.example/a"), credential: ann)
        #expect(rig.shown == [nil, "Basic YW5uOmh1bnRlcjJodW50ZXIy", "Bearer t"])
        #expect(rig.asked[1] == "GET https://auth.r.example/token?service=r&scope=repository%3Aa%3Apull&account=ann")
    }

    @Test func `is shown to a registry that wants it itself, every time`() async throws {
        let rig = Rig { request, _ in
            request.headers.first("Authorization") == nil
                ? .challenge("Basic realm=\"x\"") : Sample.manifest().reply()
        }
        for _ in 0..<2 { _ = try await rig.client.resolve(reference("r.example/a"), credential: ann) }
        let basic = "Basic YW5uOmh1bnRlcjJodW50ZXIy"
        #expect(rig.shown == [nil, basic, basic])
    }

    @Test func `is exchanged for a token when a registry offers both`() async throws {
        let rig = Rig { request, _ in
            if request.url.hasPrefix("https://auth") { return .token("{\"token\":\"t\"}") }
            return request.headers.first("Authorization") == "Bearer t"
                ? Sample.manifest().reply() : .challenge("Negotiate, Basic realm=\"x\", " + plainChallenge)
        }
        _ = try await rig.client.resolve(reference("r.example/a"), credential: ann)
        #expect(rig.shown.last == "Bearer t")
    }

    @Test func `that is an identity token is posted as a form`() async throws {
        let rig = Rig { request, _ in
            if request.url.hasPrefix("https://auth") { return .token("{\"access_token\":\"t\"}") }
            return request.headers.first("Authorization") == "Bearer t"
                ? Sample.manifest().reply() : .challenge(plainChallenge)
        }
        _ = try await rig.client.resolve(reference("r.example/a"), credential: .identityToken("a+b&c=d"))
        let asked = rig.requests(to: "https://auth")
        let request = try #require(asked.first)
        #expect(request.method == .post && request.url == "https://auth.r.example/token")
        #expect(request.headers.first("Content-Type") == "application/x-www-form-urlencoded")
        #expect(
            request.body.map { String(decoding: $0, as: UTF8.self) }
                == "grant_type=refresh_token&client_id=layerd&service=r&scope=repository%3Aa%3Apull"
                + "&refresh_token=a%2Bb%26c%3Dd")
    }

    @Test func `that is a registry token is shown as it is, and its refusal is final`() async throws {
        let rig = Rig { request, _ in
            request.url.contains("/a/") ? Sample.manifest().reply() : .challenge(plainChallenge)
        }
        _ = try await rig.client.resolve(reference("r.example/a"), credential: .registryToken("rt"))
        #expect(rig.shown == ["Bearer rt"])
        let reason = try await reason {
            _ = try await rig.client.resolve(reference("r.example/b"), credential: .registryToken("rt"))
        }
        #expect(reason == .credentialsRefused(by: "r.example", detail: "unauthorized: authentication required"))
        #expect(rig.requests(to: "https://auth").isEmpty)
    }

    @Test(arguments: [nil, Credential.identityToken("i")])
    func `that is missing is told before a second request`(credential: Credential?) async throws {
        let rig = Rig { _, _ in .challenge("Basic realm=\"x\"") }
        let text = try await sentence {
            _ = try await rig.client.resolve(reference("r.example/a:1"), credential: credential)
        }
        #expect(
            text == "cannot pull r.example/a:1 from r.example: it wants a user name and password: "
                + "no basic auth credentials")
        #expect(rig.asked.count == 1)
    }

    @Test func `that is wrong is named by who refused it`() async throws {
        let rig = Rig { request, _ in
            request.url.hasPrefix("https://auth")
                ? .status(401, [], "{\"details\":\"incorrect username or password\"}") : .challenge(plainChallenge)
        }
        for _ in 0..<2 {
            let reason = try await reason {
                _ = try await rig.client.resolve(reference("r.example/a"), credential: ann)
            }
            #expect(reason == .credentialsRefused(by: "auth.r.example", detail: "incorrect username or password"))
        }
        #expect(rig.requests(to: "https://auth").count == 1, "a refused credential is not shown again at once")
    }

    @Test func `of the configuration that is refused does not keep anybody from public images`() async throws {
        let host = RegistryHost(name: "r.example", credential: ann)
        let rig = Rig(hosts: [host]) { request, _ in
            if request.url.hasPrefix("https://auth") {
                let isAnonymous = request.headers.first("Authorization") == nil
                return isAnonymous ? .token("{\"token\":\"t\"}") : .status(401)
            }
            let isPublic = request.url.contains("/public/")
            return isPublic && request.headers.first("Authorization") == "Bearer t"
                ? Sample.manifest().reply() : .challenge(plainChallenge)
        }
        _ = try await rig.client.resolve(reference("r.example/public"), credential: nil)
        let reason = try await reason {
            _ = try await rig.client.resolve(reference("r.example/hidden"), credential: nil)
        }
        #expect(
            reason
                == .credentialsRefused(by: "auth.r.example", detail: "unauthorized: authentication required"))
    }

    @Test(arguments: [
        "https://evil.test/token", "http://auth.r.example/token", "https://169.254.169.254/",
        "https://r.example.evil.test/",
        "https://ann@r.example/token", "file:///etc/passwd", "token", "https://203.0.113.7/token",
        "https://r.example:99999/token", "https://\(String(repeating: "a", count: 50_000)).r.example/",
        "https://evil.test/\\\",realm=\\\"https://auth.r.example/token", "https://auth.r.example.evil.test/",
    ])
    func `goes to no token server but the registry's own`(realm: String) async throws {
        let rig = Rig { _, _ in .challenge("Bearer realm=\"\(realm)\",service=\"r\"") }
        for credential in [nil, ann] {
            let reason = try await reason {
                _ = try await rig.client.resolve(reference("r.example/a"), credential: credential)
            }
            #expect(reason != nil)
        }
        #expect(rig.asked.allSatisfy { $0.hasPrefix("HEAD https://r.example/v2/a/") || $0.hasSuffix("/v2/") })
        #expect(rig.http.requests.allSatisfy { $0.url.hasPrefix("https://r.example/") })
        #expect(rig.shown.allSatisfy { $0 == nil })
    }

    @Test func `goes to a token server that the configuration names`() async throws {
        let host = RegistryHost(name: "r.example", tokenRealms: ["https://login.other.test"])
        let rig = Rig(hosts: [host]) { request, _ in
            if request.url.hasPrefix("https://login.other.test/") { return .token("{\"token\":\"t\"}") }
            return request.headers.first("Authorization") == nil
                ? .challenge("Bearer realm=\"https://login.other.test/t\"") : Sample.manifest().reply()
        }
        _ = try await rig.client.resolve(reference("r.example/a"), credential: ann)
        #expect(rig.shown.last == "Bearer t")
    }

    @Test(arguments: [401, 403])
    func `finds its challenge at the root when a registry hides it`(status: Int) async throws {
        let rig = Rig { request, _ in
            if request.url.hasPrefix("https://auth") { return .token("{\"token\":\"t\"}") }
            if request.url == "https://r.example/v2/" { return .challenge(plainChallenge) }
            return request.headers.first("Authorization") == "Bearer t" ? Sample.manifest().reply() : .status(status)
        }
        _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        #expect(rig.asked.count == 4 && rig.asked[1] == "GET https://r.example/v2/")
    }

    @Test func `shows itself in no text`() {
        let secrets: [Credential] = [ann, .identityToken("hunter2hunter2"), .registryToken("hunter2hunter2")]
        for credential in secrets {
            var dumped = ""
            dump(credential, to: &dumped)
            let host = RegistryHost(name: "r.example", credential: credential)
            dump(host, to: &dumped)
            let texts = [
                "\(credential)", credential.debugDescription, String(reflecting: credential), dumped, "\(host)",
                String(reflecting: host), String(reflecting: [credential]), String(describing: Optional(credential)),
            ]
            #expect(texts.allSatisfy { !$0.contains("hunter2") }, "\(texts)")
        }
    }
}
