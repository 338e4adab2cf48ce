import Coordination
import FoundationEssentials
import OCI
import TestSupport
import Testing

/// The `layerd` of this build, running on a state directory and socket of its own.
final class DaemonUnderTest: Sendable {
    let directory: TemporaryDirectory
    let socket: String
    private let config: String
    private let variables: [String: String]
    private let running: Locked<RunningProcess>

    /// Where this build's executables are: beside the test bundle.
    static let products: String = {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return String(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.startIndex)])
    }()

    /// Starts a daemon for which `docker.io` is the stand-in, if there is one.
    static func start(
        hub: HubStandIn? = nil, config: String = "", registry: [String] = [], environment: [String: String] = [:]
    ) async throws -> DaemonUnderTest {
        let directory = try TemporaryDirectory("layerd-it")
        // The mirror's default port is one for the whole machine; tests that want a mirror ask for a free one.
        var text = config.contains("[mirror]") ? config : config + "\n[mirror]\nlisten = []\n"
        if let hub {
            text += "\n[registry.\"docker.io\"]\nendpoint = \"\(hub.endpoint)\"\n"
            if let ca = hub.caFile { text += "ca = \"\(ca)\"\n" }
            text += registry.map { $0 + "\n" }.joined()
        }
        let file = directory.path("layerd.toml")
        try Files.write(text, to: file)
        let process = try await launch(directory, config: file, environment)
        return DaemonUnderTest(directory, config: file, environment, process)
    }

    private init(
        _ directory: TemporaryDirectory, config: String, _ variables: [String: String], _ process: RunningProcess
    ) {
        self.directory = directory
        self.variables = variables
        self.config = config
        socket = directory.path("layerd.sock")
        running = Locked(process)
    }

    private static func launch(
        _ directory: TemporaryDirectory, config: String, _ more: [String: String]
    ) async throws -> RunningProcess {
        // What docker keeps for whoever runs the tests is no part of them.
        var variables = ProcessInfo.processInfo.environment
        variables["HOME"] = directory.path
        variables["DOCKER_CONFIG"] = directory.path("daemon")
        variables.merge(more) { $1 }
        let process = try RunningProcess(
            products + "/layerd",
            [
                "--config", config, "--state-dir", directory.path("state"), "--socket", directory.path("layerd.sock"),
                "--log-level", "debug",
            ], environment: variables)
        _ = try await process.wait(for: "the word that it is ready") { state in
            // As text, or as JSON.
            state.errorText.contains(" ready ") || state.errorText.contains("\"ready\"") ? true : nil
        }
        return process
    }

    var process: RunningProcess { running.withLock { $0 } }
    var state: String { directory.path("state") }
    var store: String { directory.path("state/store") }

    /// Asks it to stop, and returns its exit status.
    @discardableResult func stop() async throws -> Int32 { try await process.stop() }

    /// SIGKILL, as the machine's last resort does it.
    func kill() async throws {
        process.signal(9)
        _ = try await process.exit()
    }

    /// Starts it again on the same state.
    func restart() async throws {
        let process = try await Self.launch(directory, config: config, variables)
        running.withLock { $0 = process }
    }

    // MARK: Clients

    private var environment: [String: String] {
        [
            "DOCKER_HOST": "unix://\(socket)", "LAYERD_HOST": "unix://\(socket)", "TZ": "UTC", "LC_ALL": "C.UTF-8",
            "DOCKER_CONFIG": directory.path("docker"), "HOME": directory.path, "PATH": "/usr/local/bin:/usr/bin:/bin",
        ]
    }

    /// Runs the installed docker command against the socket.
    func docker(
        _ arguments: String..., stdin: String = "", timeout: Duration = .seconds(120)
    ) async throws -> ProcessResult {
        try await runProcess(
            "docker", arguments, environment: environment, stdin: Array(stdin.utf8), timeout: timeout)
    }

    /// Starts the docker command without waiting for it.
    func startDocker(_ arguments: String...) throws -> RunningProcess {
        try RunningProcess("docker", arguments, environment: environment)
    }

    func layerctl(
        _ arguments: String..., stdin: String = "", timeout: Duration = .seconds(120)
    ) async throws -> ProcessResult {
        try await runProcess(
            Self.products + "/layerctl", arguments, environment: environment, stdin: Array(stdin.utf8),
            timeout: timeout)
    }

    /// Runs a python script whose `docker` module finds the socket.
    func python(_ script: String) async throws -> ProcessResult {
        var variables = environment
        variables["PATH"] = ProcessInfo.processInfo.environment["PATH"]
        return try await runProcess("python3", ["-c", script], environment: variables)
    }

    /// The answer's JSON, over `curl --unix-socket` as scripts do it.
    func get(_ path: String) async throws -> JSON {
        let result = try await runChecked("curl", ["-sS", "--unix-socket", socket, "http://layerd\(path)"])
        return try JSON(parsing: result.stdout)
    }

    // MARK: What is on disk

    /// Every blob that is visible, by digest, with its length.
    func blobs() throws -> [Digest: Int64] {
        var blobs: [Digest: Int64] = [:]
        for algorithm in Digest.Algorithm.allCases {
            let folder = store + "/blobs/\(algorithm.rawValue)"
            guard FileManager.default.fileExists(atPath: folder) else { continue }
            for name in try Files.list(folder) {
                blobs[try Digest(parsing: "\(algorithm.rawValue):\(name)")] = Files.size("\(folder)/\(name)")
            }
        }
        return blobs
    }

    func blobPath(_ digest: Digest) -> String { store + "/blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }

    /// The most memory it ever held, in bytes.
    func peakMemory() throws -> Int64 {
        let status = String(decoding: try Files.read("/proc/\(process.pid)/status"), as: UTF8.self)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int64(line.split(separator: " ")[1])) * 1024
    }
}

/// Whether a command is installed, for `.enabled(if:)`.
func installed(_ tool: String) -> Bool { which(tool) != nil }
