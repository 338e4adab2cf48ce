import Glibc
import OCI
import TestSupport
import Testing

@testable import Keyring

/// A helper that is a shell script, and what it was told on its standard input.
private struct ScriptedHelper {
    let file: SomeFile
    let helper: CredentialHelper

    init(_ script: String) async throws {
        file = try await SomeFile("#!/bin/sh\n\(script)\n", mode: "755", name: "helper")
        helper = CredentialHelper(program: file.path)
    }

    var heard: String { get throws { String(decoding: try Files.read(file.directory.path("heard")), as: UTF8.self) } }
}

@Suite struct `A credential helper` {
    @Test(arguments: [
        ("ann", Login.password(username: "ann", password: "s3cret")),
        ("<token>", .identityToken("s3cret", username: "")),
    ])
    func `is asked for a server`(name: String, login: Login) async throws {
        let scripted = try await ScriptedHelper(
            "cat >\"${0%/*}/heard\"; echo \"$1\" >>\"${0%/*}/heard\"; "
                + "echo '{\"ServerURL\":\"x\",\"Username\":\"\(name)\",\"Secret\":\"s3cret\"}'")
        #expect(try await scripted.helper.get("r.example:5000") == login)
        #expect(try scripted.heard == "r.example:5000get\n")
    }

    @Test func `is handed a login`() async throws {
        let scripted = try await ScriptedHelper("cat >\"${0%/*}/heard\"; echo \" $1\" >>\"${0%/*}/heard\"")
        try await scripted.helper.store(.identityToken("it", username: "ann"), for: "r.example")
        #expect(
            try scripted.heard == "{\"ServerURL\":\"r.example\",\"Username\":\"<token>\",\"Secret\":\"it\"} store\n")
    }

    @Test(arguments: [
        "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1",
        "echo '{\"ServerURL\":\"x\",\"Username\":\"\",\"Secret\":\"\"}'",
    ])
    func `may have none`(script: String) async throws {
        let scripted = try await ScriptedHelper(script)
        #expect(try await scripted.helper.get("r.example") == nil)
    }

    @Test(arguments: [
        ("echo canary; echo canary >&2; exit 3", "failed with status 3"),
        ("echo canary", "gave an answer that is no JSON"), ("exit 0", "gave an answer that is no JSON"),
        ("echo '{\"Username\":\"canary\"}'", "gave an answer without Username and Secret"),
        ("kill -9 $$", "failed with status 137"),
        ("exec head -c 2000000 /dev/zero", "gave an answer of more than 256 KiB and was ended"),
    ])
    func `that fails is named, and not quoted`(script: String, reason: String) async throws {
        let scripted = try await ScriptedHelper(script)
        let error = await #expect(throws: KeyringError.self) { try await scripted.helper.get("r.example") }
        let sentence = try #require(error?.description)
        #expect(sentence.contains(reason) && !sentence.contains("canary"), "\(sentence)")
    }

    @Test func `that is not there is named`() async throws {
        let error = await #expect(throws: KeyringError.self) {
            try await CredentialHelper("layerd-no-such-helper").get("r.example")
        }
        #expect(
            error?.description
                == "docker-credential-layerd-no-such-helper is not on the PATH, but docker's configuration names it")
    }

    @Test func `that hangs is ended with all that it started`() async throws {
        let scripted = try await ScriptedHelper("sleep 1000 & echo $! >\"${0%/*}/heard\"; wait")
        let error = await #expect(throws: KeyringError.self) {
            try await scripted.helper.get("r.example", patience: .milliseconds(700))
        }
        #expect(error?.description.contains("gave no answer within 0 s and was ended") == true)
        let child = try scripted.heard.dropLast()
        // The kill has been sent; the kernel may take a moment to carry it out.
        var state: String?
        for _ in 0..<250 {
            state =
                Files.size("/proc/\(child)/stat") == nil
                ? nil : String(decoding: try Files.read("/proc/\(child)/stat"), as: UTF8.self)
            guard let state, !state.contains(") Z ") else { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("the helper's child is alive: \(state ?? "")")
    }

    @Test func `that leaves a child behind with its output open is not waited for`() async throws {
        let scripted = try await ScriptedHelper(
            "sleep 1000 & echo '{\"Username\":\"ann\",\"Secret\":\"pw\"}'; exit 0")
        let began = ContinuousClock.now
        #expect(try await scripted.helper.get("r.example") == .password(username: "ann", password: "pw"))
        #expect(ContinuousClock.now - began < .seconds(10))
    }

    /// NIO's listeners and connections are not marked close-on-exec, as this socket is not; a helper that stays would
    /// keep the daemon's port.
    @Test func `holds no descriptor of ours`() async throws {
        let ours = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(ours) }
        #expect(ours > 2 && fcntl(ours, F_GETFD) == 0)
        let scripted = try await ScriptedHelper(
            "for n in /proc/$$/fd/*; do readlink \"$n\"; done >\"${0%/*}/heard\"; echo '{}'; exit 0")
        _ = await #expect(throws: KeyringError.self) { try await scripted.helper.get("r.example") }
        let held = try scripted.heard.split(separator: "\n")
        // Its own: standard input and output (saved once more while the script redirects), standard error, the script.
        #expect(held.count { $0.hasPrefix("socket:") } == 2, "\(held)")
        #expect(
            held.allSatisfy {
                $0.hasPrefix("socket:") || $0 == "/dev/null" || $0.hasSuffix("/heard")
                    || $0.hasSuffix("/helper")
            }, "\(held)")
    }
}
