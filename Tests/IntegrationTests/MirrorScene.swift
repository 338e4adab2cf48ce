import OCI
import TestSupport
import Testing

extension DaemonUnderTest {
    /// For a mirror at a free port.
    static let mirrorConfig = "[mirror]\nlisten = [\"127.0.0.1:0\"]\n"

    /// Where the mirror listens, as the daemon's log says: `127.0.0.1:PORT`.
    func mirror() async throws -> String {
        try await process.wait(for: "the mirror's address") { output in
            let lines = output.errorText.split(separator: "\n").filter { $0.contains("mirror") }
            let words = lines.flatMap { $0.split { " \"=,".contains($0) } }
            return words.last { $0.hasPrefix("127.0.0.1:") }.map(String.init)
        }
    }

    /// Runs skopeo against the mirror, as podman and buildah ask it.
    func skopeo(_ arguments: String...) async throws -> ProcessResult {
        try await runProcess("skopeo", ["--insecure-policy"] + arguments, timeout: .seconds(60))
    }
}
