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
    let shim: Shim
    let journal = Locked(Journal())

    var state: String { fileSystem.place + "/state" }
    var socket: String { directory.path("s") }
    private var config: String { directory.path("layerd.toml") }

    init(_ kind: FileSystemUnderTest.Kind, _ hub: HubStandIn) async throws {
        self.hub = hub
        directory = try TemporaryDirectory("layerd-cut")
        fileSystem = try await FileSystemUnderTest(kind, in: directory)
        shim = try await Shim(in: directory)
        try Files.write(
            "[mirror]\nlisten = []\n[pull]\nretries = 0\n[registry.\"docker.io\"]\nendpoint = \"\(hub.endpoint)\"\n",
            to: config)
    }

    /// Empties the directory and forgets what was acknowledged.
    func begin() throws {
        if Files.size(state) != nil { try removeAll(state) }
        journal.withLock { $0 = Journal() }
        // What a shut-down file system is to come back with.
        sync()
    }

    /// Starts the daemon, with the shim if there is a trap for it; `nil` when it ended before it was ready.
    func start(
        _ trap: Trap? = nil, syncs: Bool = true, under wrapper: [String] = []
    ) async throws -> RunningProcess? {
        var environment = ["PATH": "/usr/bin:/bin", "HOME": directory.path]
        if let trap {
            try shim.set(trap)
            environment.merge(shim.environment(root: state, syncs: syncs)) { $1 }
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

    // MARK: Requests

    /// Asks for one thing, and notes in the journal what was answered. Returns whether it was done.
    func pull(_ name: String) async throws -> Bool {
        journal.withLock { ($0.open, $0.absent) = (name, $0.absent.subtracting([name])) }
        let answer = try await ask("POST", "/images/create?fromImage=\(name)&tag=latest")
        guard let answer, answer.contains("Status: "), !answer.contains("\"error\"") else { return false }
        return acknowledged(name)
    }

    /// That the name is there now was promised.
    private func acknowledged(_ name: String) -> Bool {
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
        return acknowledged(other)
    }

    /// Where ``save(_:)`` puts an archive and ``load(_:)`` takes it from.
    private func archive(_ name: String) -> String { directory.path("\(name).tar") }

    func save(_ name: String) async throws -> Bool {
        try await runProcess(
            "curl",
            ["-sS", "-f", "-o", archive(name), "--unix-socket", socket, "http://layerd/images/\(name)/get"]
        ).status == 0
    }

    func load(_ name: String) async throws -> Bool {
        guard try await answerToLoad(name).contains("Loaded image") else { return false }
        return acknowledged(name)
    }

    /// The frames of a load; nothing when it was refused with a status.
    func answerToLoad(_ name: String) async throws -> String {
        journal.withLock { ($0.open, $0.absent) = (name, $0.absent.subtracting([name])) }
        let result = try await runProcess(
            "curl",
            [
                "-sS", "-f", "-X", "POST", "-H", "Content-Type: application/x-tar", "-T", archive(name),
                "--unix-socket", socket, "http://layerd/images/load",
            ])
        return result.status == 0 ? result.output : ""
    }

    /// The body of an answer, whatever its status.
    func answer(_ method: String, _ path: String) async throws -> String {
        try await runProcess("curl", ["-sS", "-X", method, "--unix-socket", socket, "http://layerd\(path)"]).output
    }

    /// The body of an answer with a good status; `nil` when there was none.
    func ask(_ method: String, _ path: String) async throws -> String? {
        let result = try await runProcess(
            "curl", ["-sS", "-f", "-X", method, "--unix-socket", socket, "http://layerd\(path)"])
        return result.status == 0 ? result.output : nil
    }
}

/// Looks again until it holds, for what no event tells.
func until(_ what: String, _ holds: () throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(30)
    while try !holds() {
        guard ContinuousClock.now < end else { throw StandInError.timedOut(what) }
        try await Task.sleep(for: .milliseconds(5))
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
