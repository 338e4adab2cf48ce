import Coordination
import OCI
import TestSupport
import Testing
import Transport

@testable import Registry

/// Files as an operator leaves them.
private struct Cupboard {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory("layerd-kept") }

    @discardableResult
    func put(_ text: String, _ name: String, mode: String = "600") async throws -> String {
        let path = directory.path(name)
        try Files.write(text, to: path)
        try await runChecked("chmod", [mode, path])
        return path
    }
}

/// A registry with a token server that lets in who shows `ann` and one of the passwords; everything but `public/` is
/// for her alone.
private final class Guarded: Sendable {
    private let passwords: Locked<Set<String>>

    init(_ passwords: Set<String>) { self.passwords = Locked(passwords) }

    func rig(_ store: CredentialStore, _ host: RegistryHost = RegistryHost(name: "r.example")) -> Rig {
        Rig(hosts: [RegistryHost(name: "docker.io"), host], credentials: store) { request, _ in
            let shown = request.headers.first("Authorization")
            if request.url.hasPrefix("https://auth.r.example/token") {
                guard let shown else { return .token("{\"token\":\"anyone\"}") }
                let isRight = self.passwords.withLock { passwords in
                    passwords.contains { shown == basicAuthorization("ann", $0) }
                }
                return isRight ? .token("{\"token\":\"hers\"}") : .status(401)
            }
            let isIn = shown == "Bearer hers" || shown != nil && request.url.contains("/public/")
            return isIn ? Sample.manifest().reply() : .challenge(plainChallenge)
        }
    }
}

@Suite struct `A kept credential` {
    private let registry = Guarded(["pw-file", "pw-systemd", "pw-docker", "pw-new"])

    private func accounts(_ rig: Rig) -> [String] {
        rig.requests(to: "https://auth").compactMap { $0.headers.first("Authorization") }
    }

    @Test func `is looked for in the configuration, then at systemd, then at docker`() async throws {
        let cupboard = try Cupboard()
        let file = try await cupboard.put("pw-file\n", "password")
        let docker = try await cupboard.put(
            "{\"auths\":{\"r.example\":{\"username\":\"ann\",\"password\":\"pw-docker\"}}}", "config.json")
        let configured = RegistryHost(name: "r.example", kept: .passwordFile(username: "ann", path: file))
        let store = {
            CredentialStore(systemdDirectory: cupboard.directory.path, dockerConfig: docker)
        }
        for (host, systemd, password) in [
            (configured, true, "pw-file"), (RegistryHost(name: "r.example"), true, "pw-systemd"),
            (RegistryHost(name: "r.example"), false, "pw-docker"),
        ] {
            if systemd { try await cupboard.put("ann:pw-systemd", "r.example") }
            if !systemd { try await runChecked("rm", [cupboard.directory.path("r.example")]) }
            let rig = registry.rig(store(), host)
            _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
            #expect(accounts(rig) == [basicAuthorization("ann", password)])
        }
    }

    @Test func `gives way to what the caller brings, and is nobody else's`() async throws {
        let cupboard = try Cupboard()
        try await cupboard.put("ann:pw-systemd", "r.example")
        try await cupboard.put("ann:pw-systemd", "other.example_5000")
        let rig = registry.rig(CredentialStore(systemdDirectory: cupboard.directory.path))
        let brought = Credential.basic(username: "ann", password: "pw-new")
        _ = try await rig.client.resolve(reference("r.example/a"), credential: brought)
        _ = try await rig.client.resolve(reference("r.example/public/a"), credential: .anonymous)
        #expect(accounts(rig) == [basicAuthorization("ann", "pw-new")])
        let store = CredentialStore(systemdDirectory: cupboard.directory.path)
        let found = await store.find(for: "other.example:5000", nil)
        #expect(found.credential == .basic(username: "ann", password: "pw-systemd"))
        #expect(await store.find(for: "docker.io", nil).credential == .anonymous)
    }

    @Test func `that was replaced counts at once`() async throws {
        let cupboard = try Cupboard()
        let path = try await cupboard.put("wrong", "password")
        let host = RegistryHost(name: "r.example", kept: .passwordFile(username: "ann", path: path))
        let rig = registry.rig(CredentialStore(), host)
        let refused = try await reason { _ = try await rig.client.resolve(reference("r.example/a"), credential: nil) }
        #expect(refused == .credentialsRefused(by: "auth.r.example", detail: "unauthorized: authentication required"))
        try await cupboard.put("pw-new\n", "password")
        _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
    }

    static let bad: [(text: String, mode: String, reason: String)] = [
        ("canary", "644", "is open to others (mode 644)"), ("", "600", "is empty"),
        ("can\u{0}ary", "600", "must hold one line of text"), ("ann canary", "600", "must hold USER:PASSWORD"),
        (String(repeating: "canary", count: 20_000), "600", "has more than 65536 bytes"),
    ]

    @Test(arguments: bad)
    func `that cannot be used is told once, keeps nobody from public images, and is named where it is missed`(
        text: String, mode: String, reason: String
    ) async throws {
        let cupboard = try Cupboard()
        try await cupboard.put(text, "r.example", mode: mode)
        let told = Locked<[String]>([])
        let store = CredentialStore(
            systemdDirectory: cupboard.directory.path, report: { trouble in told.withLock { $0.append(trouble) } })
        let rig = registry.rig(store)
        for _ in 0..<2 { _ = try await rig.client.resolve(reference("r.example/public/a"), credential: nil) }
        let refusal = try await sentence { _ = try await rig.client.resolve(reference("r.example/a"), credential: nil) }
        let lines = told.withLock { $0 }
        #expect(lines.count == 1 && lines[0].contains(reason), "\(lines)")
        #expect(try #require(refusal).contains("the one kept for it cannot be used: \(lines[0])"))
        #expect((lines + [refusal ?? ""]).allSatisfy { !$0.contains("canary") })
    }

    @Test func `in a malformed configuration of docker's is one clear error`() async throws {
        let cupboard = try Cupboard()
        let docker = try await cupboard.put("{\"auths\":{\"r.example\":{\"auth\":\"canary\"", "config.json")
        let rig = registry.rig(CredentialStore(dockerConfig: docker))
        _ = try await rig.client.resolve(reference("r.example/public/a"), credential: nil)
        let refusal = try await sentence {
            _ = try await rig.client.resolve(reference("r.example/a:1"), credential: nil)
        }
        let text = try #require(refusal)
        #expect(text.hasSuffix("config.json is not docker's configuration: no valid JSON at byte 38"), "\(text)")
        #expect(!text.contains("canary"))
    }

    @Test func `of a helper that is not there, or may not be called, is named`() async throws {
        for (name, reason) in [
            ("layerd-none", "docker-credential-layerd-none is not on the PATH"), ("../sh", "cannot be called"),
        ] {
            let host = RegistryHost(name: "r.example", kept: .helper(name))
            let rig = registry.rig(CredentialStore(), host)
            let refusal = try await sentence {
                _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
            }
            #expect(refusal?.contains(reason) == true, "\(refusal ?? "")")
        }
    }
}
