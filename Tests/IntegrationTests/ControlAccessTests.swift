import Glibc
import OCI
import TestSupport
import Testing

/// Asks the daemon as another user, by `setpriv`, which only root can do.
@Suite(.enabled("asking as another user takes root and setpriv") { geteuid() == 0 && installed("setpriv") })
struct `The daemon's control socket with a group that may read` {
    // Groups that every Debian has, under the same numbers.
    private let writers = "1"
    private let readers = "60"
    private let neither = "65534"

    private func ask(
        _ daemon: DaemonUnderTest, group: String, supplementary: String? = nil, uid: String = "65534", _ method: String,
        _ path: String
    ) async throws -> (status: String, message: String?) {
        let groups = supplementary.map { ["--groups", $0] } ?? ["--clear-groups"]
        let result = try await runChecked(
            "setpriv",
            ["--reuid", uid, "--regid", group] + groups + [
                "curl", "-sS", "-X", method, "-w", "\n%{http_code}", "--unix-socket", daemon.socket,
                "http://layerd\(path)",
            ])
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        let body = lines.first.map { Array($0.utf8) } ?? []
        return (String(lines.last ?? ""), try? JSON(parsing: body)["message"]?.string)
    }

    @Test func `lets each do what is theirs, and logs who asked`() async throws {
        let daemon = try await DaemonUnderTest.start(config: "[control]\ngroup = \"daemon\"\nread-group = \"games\"\n")
        // So that others can come to the socket at all.
        #expect(chmod(daemon.directory.path, 0o711) == 0)
        for (group, supplementary, mayRead, mayChange) in [
            (writers, nil, true, true), (neither, writers, true, true), (readers, nil, true, false),
            (neither, readers, true, false), (neither, nil, false, false),
        ] as [(String, String?, Bool, Bool)] {
            let list = try await ask(daemon, group: group, supplementary: supplementary, "GET", "/v1.50/images/json")
            #expect(list.status == (mayRead ? "200" : "403"), "\(group) \(supplementary ?? "")")
            let prune = try await ask(daemon, group: group, supplementary: supplementary, "POST", "/images/prune")
            #expect(prune.status == (mayChange ? "200" : "403"), "\(group) \(supplementary ?? "")")
            let pull = try await ask(daemon, group: group, supplementary: supplementary, "POST", "/layerd/v1/pull")
            #expect((pull.status == "403") == !mayChange)
            if !mayChange { #expect(prune.message?.hasPrefix("permission denied: user 65534") == true) }
        }
        #expect(try await ask(daemon, group: neither, uid: "0", "POST", "/images/prune").status == "200")
        #expect(try await daemon.stop() == 0)
        let log = daemon.process.state.errorText
        #expect(log.contains("method=GET") && log.contains("uid=65534") && log.contains("gid=60"))
    }
}
