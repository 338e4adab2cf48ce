import Coordination
import OCI
import TestSupport
import Testing
import Transport

@testable import Registry

/// A registry that lets in whoever shows one of its tokens, and its token server.
final class TokenRegistry: Sendable {
    struct State {
        var valid: Set<String> = []
        var minted = 0
        var asked: [HTTPRequest] = []
        /// What the token server says of each token, `TOKEN` standing for it.
        var answer = "{\"token\":\"TOKEN\",\"expires_in\":300}"
        var challenge =
            "Bearer realm=\"https://auth.r.example/token\",service=\"r.example\",scope=\"repository:a:pull\""
        /// The status for requests without a valid token.
        var rejection = 401
    }

    let state = Locked(State())
    let sample: Sample

    init(_ sample: Sample = .manifest()) { self.sample = sample }

    func respond(_ request: HTTPRequest) -> ScriptedReply {
        state.withLock { state in
            if request.url.hasPrefix("https://auth.r.example/token") {
                state.asked.append(request)
                state.minted += 1
                state.valid.insert("t\(state.minted)")
                let parts = state.answer.split(separator: "TOKEN", omittingEmptySubsequences: false)
                return .token(parts.joined(separator: "t\(state.minted)"))
            }
            let shown = request.headers.first("Authorization")?.split(separator: " ").last.map(String.init) ?? ""
            guard state.valid.contains(shown) else {
                let hidesChallenge = state.rejection != 401 && !shown.isEmpty
                return hidesChallenge ? .status(state.rejection) : .challenge(state.challenge)
            }
            return sample.reply()
        }
    }

    var minted: Int { state.withLock { $0.minted } }
    var tokenURLs: [String] { state.withLock { $0.asked.map(\.url) } }
    func revoke() { state.withLock { $0.valid = [] } }
    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    var rig: Rig { Rig { request, _ in self.respond(request) } }
}

@Suite struct `A token` {
    let registry = TokenRegistry()

    @Test func `is asked for once for thirty layers at a time`() async throws {
        let sample = Sample.blob(1000)
        let registry = TokenRegistry(sample)
        let arrived = Watched(0)
        // All are sent away for a token at the same time.
        let rig = Rig { request, _ in
            let reply = registry.respond(request)
            if request.url.hasPrefix("https://auth") {
                // Leaves the others time to ask too, if they would.
                for _ in 0..<1000 { await Task.yield() }
            }
            guard reply.status == 401 else { return reply }
            arrived.update { $0 += 1 }
            try await arrived.wait(for: "thirty requests") { $0 >= 30 ? () : nil }
            return reply
        }
        let client = rig.client
        let repository = try repository("r.example/a")
        try await withThrowingTaskGroup { group in
            for _ in 0..<30 {
                group.addTask {
                    let receiver = Gathering()
                    try await client.blob(sample.descriptor, in: repository, credential: nil, into: receiver)
                    #expect(receiver.bytes == sample.bytes)
                }
            }
            try await group.waitForAll()
        }
        #expect(registry.minted == 1)
    }

    @Test func `is shown unasked once the registry has been met`() async throws {
        let rig = registry.rig
        for _ in 0..<3 { _ = try await rig.client.resolve(reference("r.example/a"), credential: nil) }
        #expect(rig.shown == [nil, nil, "Bearer t1", "Bearer t1", "Bearer t1"])
    }

    static let lives: [(answer: String, seconds: Int, minted: Int)] = [
        ("{\"token\":\"TOKEN\",\"expires_in\":300}", 269, 1), ("{\"token\":\"TOKEN\",\"expires_in\":300}", 271, 2),
        ("{\"access_token\":\"TOKEN\"}", 53, 1), ("{\"access_token\":\"TOKEN\"}", 55, 2),
        ("{\"token\":\"TOKEN\",\"expires_in\":0}", 53, 1), ("{\"token\":\"TOKEN\",\"expires_in\":5}", 53, 1),
        ("{\"token\":\"TOKEN\",\"expires_in\":-1}", 55, 2), ("{\"token\":\"TOKEN\",\"expires_in\":999999999}", 3241, 2),
        ("{\"token\":\"TOKEN\",\"expires_in\":\"300\"}", 53, 1),
        ("{\"token\":\"TOKEN\",\"expires_in\":300,\"issued_at\":\"1999-01-01T00:00:00Z\"}", 269, 1),
        ("{\"token\":\"\",\"access_token\":\"TOKEN\",\"issued_at\":\"2999-01-01T00:00:00Z\"}", 53, 1),
    ]

    @Test(arguments: lives)
    func `lives as long as it was granted, by our clock`(answer: String, seconds: Int, minted: Int) async throws {
        registry.set { $0.answer = answer }
        let rig = registry.rig
        _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        rig.clock.advance(by: .seconds(seconds))
        _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        #expect(registry.minted == minted)
    }

    @Test(arguments: [401, 403, 400])
    func `that ends early is replaced once`(status: Int) async throws {
        let rig = registry.rig
        registry.set { $0.rejection = status }
        _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        registry.revoke()
        _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        #expect(rig.shown == [nil, nil, "Bearer t1", "Bearer t1", nil, "Bearer t2"])
    }

    @Test func `that is fresh and refused is not asked for again`() async throws {
        let rig = Rig { request, _ in
            request.url.hasPrefix("https://auth") ? .token("{\"token\":\"t\"}") : .challenge(plainChallenge)
        }
        let reason = try await reason { _ = try await rig.client.resolve(reference("r.example/a"), credential: nil) }
        #expect(reason == .denied("denied: requested access to the resource is denied"))
        #expect(rig.requests(to: "https://auth").count == 1)
        #expect(rig.asked.count == 3)
    }

    @Test func `with too little scope is replaced by one with more`() async throws {
        let wide = plainChallenge + ",scope=\"repository:a:pull repository:b:pull\",error=\"insufficient_scope\""
        let rig = Rig { request, _ in
            if request.url.hasPrefix("https://auth") {
                return .token("{\"token\":\"\(request.url.contains("repository%3Ab") ? "wide" : "narrow")\"}")
            }
            switch request.headers.first("Authorization") {
            case "Bearer wide": return Sample.manifest().reply()
            case nil: return .challenge(plainChallenge)
            default: return .challenge(wide)
            }
        }
        _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        #expect(rig.shown.compactMap(\.self) == ["Bearer narrow", "Bearer wide"])
    }

    @Test(arguments: [
        ("Bearer realm=\"https://auth.r.example/token\"", "?scope=repository%3Aa%2Fb%3Apull"),
        (
            "Bearer realm=\"https://auth.r.example/token?x=1\",service=\"SUSE Linux & Co\r\n\"",
            "?x=1&service=SUSE%20Linux%20%26%20Co%0D%0A&scope=repository%3Aa%2Fb%3Apull"
        ),
        ("Bearer realm=\"https://auth.r.example/token\",scope=\"aws\",service=\"\"", "?scope=aws"),
        (
            "Bearer realm=\"https://auth.r.example/token\",scope=\"repository:a/b:pull registry:catalog:*\"",
            "?scope=registry%3Acatalog%3A%2A&scope=repository%3Aa%2Fb%3Apull"
        ),
    ])
    func `is asked for as the challenge says`(challenge: String, query: String) async throws {
        registry.set { $0.challenge = challenge }
        _ = try await registry.rig.client.resolve(reference("r.example/a/b"), credential: nil)
        #expect(registry.tokenURLs == ["https://auth.r.example/token" + query])
    }

    @Test func `of one caller is not another's`() async throws {
        let rig = registry.rig
        let ann = Credential.basic(username: "ann", password: "p1")
        for credential in [ann, .basic(username: "bob", password: "p2"), nil, ann] {
            _ = try await rig.client.resolve(reference("r.example/a"), credential: credential)
        }
        #expect(registry.minted == 3)
    }

    @Test(arguments: [
        "", "{", "[]", "{\"token\":7}", "{\"token\":\"\"}", "{\"token\":\"a b\"}", "{\"token\":\"a\\r\\nX: y\"}",
        "{\"token\":\"a\",\"token\":\"b\"}", "{\"token\":\"\(String(repeating: "x", count: 40_000))\"}",
    ])
    func `that is none is an error that names its server`(answer: String) async throws {
        registry.set { $0.answer = answer }
        let rig = registry.rig
        let reason = try await reason { _ = try await rig.client.resolve(reference("r.example/a"), credential: nil) }
        guard case .noToken(from: "auth.r.example", _) = reason else {
            Issue.record("\(reason as Any)")
            return
        }
        #expect(registry.minted == 1)
    }

    @Test func `longer than a mebibyte is not read to its end`() async throws {
        registry.set { $0.answer = String(repeating: " ", count: 1 << 20) + "{\"token\":\"x\"}" }
        let rig = registry.rig
        let reason = try await reason { _ = try await rig.client.resolve(reference("r.example/a"), credential: nil) }
        #expect(reason == .mismatch("the document is longer than the 1048576 bytes it may have"))
    }

    @Test(arguments: [301, 302, 307, 308])
    func `is not fetched through a redirect`(status: Int) async throws {
        let rig = Rig { request, _ in
            request.url.hasPrefix("https://auth")
                ? .status(status, [("Location", "https://evil.test/")]) : .challenge(plainChallenge)
        }
        let credential = Credential.basic(username: "ann", password: "secret")
        let reason = try await reason {
            _ = try await rig.client.resolve(reference("r.example/a"), credential: credential)
        }
        guard case .noToken = reason else {
            Issue.record("\(reason as Any)")
            return
        }
        #expect(rig.requests(to: "https://evil").isEmpty)
    }
}
