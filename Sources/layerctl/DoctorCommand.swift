internal import ArgumentParser
internal import Glibc
internal import Keyring

/// `layerctl doctor`: pulls one small image through every engine there is, and looks at layerd's own counters for
/// whether the requests came to it.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Prove, by a small pull through each engine, that they pull through layerd.",
        discussion: """
            The image ends in the engines' own stores. An engine passes when its pull succeeded and layerd's mirror \
            counted requests meanwhile. Exits with 1 when one does not pass.
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("The image to pull.", valueName: "image"))
    var image = "docker.io/library/hello-world:latest"

    @Option(help: ArgumentHelp("dockerd's socket, if not docker's own default.", valueName: "unix:///path"))
    var dockerHost: String?

    @Option(help: ArgumentHelp("containerd's socket.", valueName: "path"))
    var containerd = "/run/containerd/containerd.sock"

    @Option(help: ArgumentHelp("Where containerd's hosts.toml files are.", valueName: "dir"))
    var hostsDir = "/etc/containerd/certs.d"

    /// A pull of a few KiB, through a registry that may have to be waited for.
    private static let patience: Duration = .seconds(60)

    func run() async throws {
        let client = try global.client()
        var (tried, passed) = (0, 0)
        for canary in canaries {
            let before = try await requests(client)
            let outcome = await HelperProcess(program: "sh", arguments: canary.arguments).run(
                patience: Self.patience, limit: 1 << 20)
            let seen = try await requests(client) - before
            guard let verdict = Self.verdict(outcome, seen: seen, canary) else { continue }
            tried += 1
            if verdict.passes { passed += 1 }
            standardOutput.write("\(canary.engine): \(verdict.sentence)\n")
        }
        if tried == 0 { throw Failure.local("no engine was found: neither dockerd, containerd, podman nor buildah") }
        if passed < tried { throw ExitCode(1) }
    }

    /// Requests that layerd's mirror has answered since its start.
    private func requests(_ client: DaemonClient) async throws -> Int64 {
        let text = try await client.text("/metrics")
        return Self.sum(of: "layerd_mirror_requests_total", in: text)
    }

    static func sum(of metric: String, in text: String) -> Int64 {
        text.split(separator: "\n").reduce(0) { sum, line in
            guard line.hasPrefix(metric + "{") || line.hasPrefix(metric + " ") else { return sum }
            return sum + (line.split(separator: " ").last.flatMap { Double($0) }.map { Int64($0) } ?? 0)
        }
    }

    struct Canary {
        let engine: String
        /// A command that exits with 69 where the engine is not there.
        let command: String
        var arguments: [String] { ["-c", "exec 2>&1; " + command] }
    }

    private var canaries: [Canary] {
        let image = Self.quoted(image)
        let docker = dockerHost.map { " -H \(Self.quoted($0))" } ?? ""
        let ctr = "ctr -a \(Self.quoted(containerd))"
        let absent = ">/dev/null 2>&1 || exit 69"
        return [
            Canary(
                engine: "dockerd", command: "docker\(docker) info \(absent); docker\(docker) pull -q \(image)"),
            Canary(
                engine: "containerd",
                command:
                    "\(ctr) version \(absent); \(ctr) content fetch --hosts-dir \(Self.quoted(hostsDir)) \(image)"),
            Canary(engine: "podman", command: "command -v podman \(absent); podman pull -q \(image)"),
            // Its store is podman's: what that has just brought would not be asked for again.
            Canary(
                engine: "buildah", command: "command -v buildah \(absent); buildah pull --policy always -q \(image)"),
        ]
    }

    /// `nil` where there is no such engine.
    static func verdict(
        _ outcome: HelperProcess.Outcome, seen: Int64, _ canary: Canary
    ) -> (sentence: String, passes: Bool)? {
        guard case .ended(let end) = outcome else {
            return ("no answer within \(patience.components.seconds) s", false)
        }
        if end.status == 69 { return nil }
        guard end.status == 0 else {
            let lines = String(decoding: end.output, as: UTF8.self).split { $0.isNewline }
            return ("cannot pull: \(lines.last ?? "it says nothing")", false)
        }
        let wire = canary.engine == "buildah" ? "podman" : canary.engine
        return seen > 0
            ? ("pulls through layerd (\(seen) requests came)", true)
            : ("pulls, but past layerd: layerctl wire --apply \(wire)", false)
    }

    /// As a shell reads it back.
    static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
