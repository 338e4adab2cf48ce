import OCI
import TestSupport
import Testing
import Transport

@testable import Registry

private let ann = Credential.basic(username: "ann", password: "hunter2hunter2")

@Suite struct `A login` {
    @Test func `shows the credential to the token server, and its token to the registry`() async throws {
        let rig = Rig { request, _ in
            if request.url.hasPrefix("https://auth") { return .token("{\"token\":\"t\"}") }
            return request.headers.first("Authorization") == "Bearer t" ? .status(200) : .challenge(plainChallenge)
        }
        #expect(try await rig.client.logIn(to: "r.example", with: ann) == nil)
        #expect(
            rig.asked == [
                "GET https://r.example/v2/",
                "GET https://auth.r.example/token?service=r&account=ann&client_id=layerd&offline_token=true",
                "GET https://r.example/v2/",
            ])
        #expect(rig.shown == [nil, basicAuthorization("ann", "hunter2hunter2"), "Bearer t"])
    }

    @Test func `brings the refresh token that the server gives in place of the password`() async throws {
        let rig = Rig { request, _ in
            if request.url.hasPrefix("https://auth") { return .token("{\"token\":\"t\",\"refresh_token\":\"rt\"}") }
            return request.headers.first("Authorization") == nil ? .challenge(plainChallenge) : .status(200)
        }
        #expect(try await rig.client.logIn(to: "https://r.example/v2/", with: ann) == "rt")
    }

    @Test(arguments: ["", "https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"])
    func `without a registry is one at Docker Hub`(server: String) async throws {
        let rig = Rig { _, _ in .status(200) }
        #expect(try await rig.client.logIn(to: server, with: ann) == nil)
        #expect(rig.asked == ["GET https://registry-1.docker.io/v2/"])
    }

    @Test func `is never shown to a mirror`() async throws {
        let host = RegistryHost(name: "r.example", mirrors: ["https://m.example"])
        let rig = Rig(hosts: [host]) { _, _ in .challenge("Basic realm=\"x\"") }
        await #expect(throws: LoginError.self) { try await rig.client.logIn(to: "r.example", with: ann) }
        #expect(rig.requests(to: "https://m.example").isEmpty)
    }

    static let refusals: [(challenge: String, token: ScriptedReply, text: String)] = [
        (
            plainChallenge, .status(401, [], "{\"details\":\"incorrect username or password\"}"),
            "Get \"https://r.example/v2/\": unauthorized: incorrect username or password"
        ),
        (
            "Basic realm=\"x\"", .status(200),
            "login attempt to https://r.example/v2/ failed with status: 401 Unauthorized"
        ),
        (
            "", .status(200), "login attempt to https://r.example/v2/ failed with status: 401 Unauthorized"
        ),
        (
            "Bearer realm=\"https://evil.test/token\"", .status(200),
            "Get \"https://r.example/v2/\": its token server https://evil.test is not of its own domain"
        ),
        (
            plainChallenge, .status(503, [("Retry-After", "7")]),
            "Get \"https://r.example/v2/\": auth.r.example answered"
        ),
        (
            plainChallenge, .status(302, [("Location", "https://evil.test/")]),
            "Get \"https://r.example/v2/\": the token"
        ),
    ]

    @Test(arguments: refusals)
    func `that is refused says so in dockerd's words`(
        challenge: String, token: ScriptedReply, text: String
    ) async throws {
        let rig = Rig { request, _ in request.url.hasPrefix("https://auth") ? token : .challenge(challenge) }
        let error = await #expect(throws: LoginError.self) {
            try await rig.client.logIn(to: "r.example", with: ann)
        }
        let sentence = try #require(error?.description)
        #expect(sentence.hasPrefix(text) && !sentence.contains("hunter2"), "\(sentence)")
        #expect(rig.requests(to: "https://evil").isEmpty)
    }

    @Test(arguments: ["a b", "-", "ann@r.example", "r.example:99999999", "localhost:5000\r\nX: y"])
    func `to what is no registry goes nowhere`(server: String) async throws {
        let rig = Rig { _, _ in .status(200) }
        let error = await #expect(throws: LoginError.self) { try await rig.client.logIn(to: server, with: ann) }
        guard case .noRegistry = error?.reason else {
            #expect(error?.kind == .forbidden || error?.kind == .invalidInput, "\(error as Any)")
            return
        }
        #expect(rig.asked.isEmpty)
    }

    @Test func `that is right makes an earlier refusal forgotten`() async throws {
        let isRight = Watched(false)
        let rig = Rig { request, _ in
            if request.url.hasPrefix("https://auth") {
                return isRight.value ? .token("{\"token\":\"t\"}") : .status(401)
            }
            guard request.headers.first("Authorization") == "Bearer t" else { return .challenge(plainChallenge) }
            return request.method == .head ? Sample.manifest().reply() : .status(200)
        }
        let refused = try await reason { _ = try await rig.client.resolve(reference("r.example/a"), credential: ann) }
        #expect(refused != nil)
        isRight.update { $0 = true }
        _ = try await rig.client.logIn(to: "r.example", with: ann)
        _ = try await rig.client.resolve(reference("r.example/a"), credential: ann)
    }
}
