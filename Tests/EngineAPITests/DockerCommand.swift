import EngineAPI
import Serving
import TestSupport

/// The docker command that is installed, spoken to over a Unix socket that the routes are served on.
struct DockerCommand {
    let socket: String
    private let executable: String
    private let home: TemporaryDirectory

    static let absence: String = "the docker command 28.2.2 is not installed"
    static let isPresent = !installed.isEmpty
    /// Every one there is; machines may have an old and a new one.
    static let installed = ["/usr/local/bin/docker", "/usr/bin/docker"].filter { Files.size($0) != nil }

    static func showsTrees() async -> Bool {
        do { return try await runProcess("docker", ["image", "ls", "--help"]).output.contains("--tree") } catch {
            return false
        }
    }

    init(socket: String, executable: String = "docker") throws {
        self.socket = socket
        self.executable = executable
        home = try TemporaryDirectory("layerd-docker")
    }

    /// Runs `docker` in UTC, with a home of its own, and waits for its end.
    func callAsFunction(_ arguments: [String], timeout: Duration = .seconds(60)) async throws -> ProcessResult {
        try await runProcess(executable, arguments, environment: environment, timeout: timeout)
    }

    /// What it prints, which must not fail.
    func output(_ arguments: [String]) async throws -> String {
        try await runChecked(executable, arguments, environment: environment).output
    }

    var environment: [String: String] {
        [
            "DOCKER_HOST": "unix://\(socket)", "DOCKER_CONFIG": home.path, "HOME": home.path, "TZ": "UTC",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
        ]
    }
}

/// Serves the routes on a socket of their own while `body` runs.
func serving<Result>(
    _ routes: EngineRoutes, _ body: (_ socket: String) async throws -> Result
) async throws -> Result {
    let directory = try TemporaryDirectory("layerd-engine")
    let socket = directory.path("layerd.sock")
    var limits = ServerLimits()
    limits.gracePeriod = .seconds(2)
    let server = HTTPServer(
        listeners: [.unix(path: socket, mode: 0o600, group: nil)], handler: routes, limits: limits)
    let (ready, signal) = AsyncStream<Void>.makeStream()
    // Ended below, after the body.
    let running = Task {
        defer { signal.finish() }
        try await server.run { _ in signal.finish() }
    }
    for await _ in ready {}
    do {
        let result = try await body(socket)
        running.cancel()
        try await running.value
        return result
    } catch {
        running.cancel()
        throw error
    }
}
