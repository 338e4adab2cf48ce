import Coordination
import Glibc
import OCI
import TestSupport
import Testing

/// A daemon on a state directory that may be taken from under it, and a journal of what it has acknowledged.
final class Victim: Sendable {
    /// What clients were told that is to hold from then on.
    struct Journal: Sendable {
        /// Names that must be there, complete.
        var present: Set<String> = []
        /// Names that must not.
        var absent: Set<String> = []
        /// The name that a request was about which got no answer: either is right.
        var open: String?
        var acknowledged = 0
    }

    let hub: HubStandIn
    let directory: TemporaryDirectory
    let fileSystem: FileSystemUnderTest
    private let shim: Shim
    private let counter: String
    let journal = Locked(Journal())

    var state: String { fileSystem.place + "/state" }
    var socket: String { directory.path("s") }
    private var config: String { directory.path("layerd.toml") }

    init(_ kind: FileSystemUnderTest.Kind, _ hub: HubStandIn) async throws {
        self.hub = hub
        directory = try TemporaryDirectory("layerd-cut")
        fileSystem = try await FileSystemUnderTest(kind, in: directory)
        shim = try await Shim(in: directory)
        counter = directory.path("count")
        try Files.write(
            "[mirror]\nlisten = []\n[pull]\nretries = 0\n[registry.\"docker.io\"]\nendpoint = \"\(hub.endpoint)\"\n",
            to: config)
    }

    /// Empties the directory and forgets what was acknowledged.
    func begin() throws {
        if Files.size(state) != nil { try removeAll(state) }
        try Files.write([UInt8](repeating: 0, count: 8), to: counter)
        journal.withLock { $0 = Journal() }
        // What a shut-down file system is to come back with.
        sync()
    }

    /// Starts the daemon with the shim's variables; `nil` when it ended before it was ready.
    func start(
        _ variables: [String: String] = [:], under wrapper: [String] = []
    ) async throws -> RunningProcess? {
        var environment = ["PATH": "/usr/bin:/bin", "HOME": directory.path]
        if !variables.isEmpty {
            environment["LD_PRELOAD"] = shim.library
            environment["SHIM_ROOT"] = state
            environment["SHIM_COUNT"] = counter
            environment.merge(variables) { $1 }
        }
        let command =
            wrapper + [
                DaemonUnderTest.products + "/layerd", "--config", config, "--state-dir", state, "--socket", socket,
                "--log-level", "debug",
            ]
        let process = try RunningProcess(command[0], Array(command.dropFirst()), environment: environment)
        do {
            return try await process.wait(for: "readiness") { $0.errorText.contains(" ready ") ? process : nil }
        } catch StandInError.process { return nil }
    }

    /// How many storage calls were counted.
    var count: Int {
        get throws {
            let bytes = try Files.read(counter)
            return bytes.enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        }
    }

    // MARK: Requests

    /// Asks for one thing, and notes in the journal what was answered. Returns whether it was done.
    func pull(_ name: String) async throws -> Bool {
        journal.withLock { ($0.open, $0.absent) = (name, $0.absent.subtracting([name])) }
        let answer = try await ask("POST", "/images/create?fromImage=\(name)&tag=latest")
        guard let answer, answer.contains("Status: "), !answer.contains("\"error\"") else { return false }
        journal.withLock { journal in
            journal.present.insert(name)
            journal.acknowledged += 1
            journal.open = nil
        }
        return true
    }

    func remove(_ name: String) async throws -> Bool {
        journal.withLock { ($0.open, $0.present) = (name, $0.present.subtracting([name])) }
        guard let answer = try await ask("DELETE", "/images/\(name)"), answer.contains("ntagged") else { return false }
        journal.withLock { journal in
            journal.absent.insert(name)
            journal.acknowledged += 1
            journal.open = nil
        }
        return true
    }

    func tag(_ name: String, as other: String) async throws -> Bool {
        journal.withLock { ($0.open, $0.absent) = (other, $0.absent.subtracting([other])) }
        guard try await ask("POST", "/images/\(name)/tag?repo=\(other)&tag=latest")?.isEmpty == true else {
            return false
        }
        journal.withLock { journal in
            journal.present.insert(other)
            journal.acknowledged += 1
            journal.open = nil
        }
        return true
    }

    /// The body of an answer with a good status; `nil` when there was none.
    func ask(_ method: String, _ path: String) async throws -> String? {
        let result = try await runProcess(
            "curl", ["-sS", "-f", "-X", method, "--unix-socket", socket, "http://layerd\(path)"])
        return result.status == 0 ? result.output : nil
    }
}

/// Removes a directory with all that is in it.
func removeAll(_ path: String) throws {
    for name in try Files.list(path) {
        let child = path + "/" + name
        if unlink(child) != 0 { try removeAll(child) }
    }
    rmdir(path)
}
