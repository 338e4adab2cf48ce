import FoundationEssentials
import OCI
import TestSupport
import Testing

/// `layerd` as systemd runs it, with a notify socket and passed sockets that are real.
@Suite(.serialized) struct `As a service, the daemon` {
    @Test func `says when it is ready, what it does, and that it stops`() async throws {
        let service = try Service()
        let process = try service.start(["WATCHDOG_USEC": "600000"])
        try await service.manager.wait(for: "READY=1")
        #expect(
            try await service.manager.wait(for: "STATUS=serving; ").hasPrefix("STATUS=serving; 0 images, 0 MiB; 0 "))
        try await service.manager.wait(for: "WATCHDOG=1", count: 3)
        #expect(try await process.stop() == 0)
        try await service.manager.wait(for: "STOPPING=1")
        try await service.manager.wait(for: "EXTEND_TIMEOUT_USEC=")
        #expect(service.manager.lines.filter { $0 == "READY=1" }.count == 1)
    }

    @Test func `reads its configuration again at SIGHUP, and keeps the old one when the new is wrong`() async throws {
        let service = try Service()
        let process = try service.start([:])
        try await service.manager.wait(for: "READY=1")
        try service.configure("[log]\nlevel = \"debug\"\n[pull]\nretries = 1")
        process.signal(1)
        try await service.manager.wait(for: "RELOADING=1")
        try await service.manager.wait(for: "READY=1", count: 2)
        _ = try await runProcess("curl", ["-s", "--unix-socket", service.socket, "http://layerd/healthz"])
        _ = try await process.wait(for: "a line of level debug") {
            $0.errorText.contains(" debug request") ? true : nil
        }
        try service.configure("[log]\nlevel = \"loud\"")
        process.signal(1)
        try await service.manager.wait(for: "READY=1", count: 3)
        let log = try await process.wait(for: "the complaint") { state in
            state.errorText.contains("was not changed") ? state.errorText : nil
        }
        #expect(log.contains("layerd.toml:2: [log] level: must be one of"), "\(log)")
        #expect(try await process.stop() == 0)
    }

    @Test(.enabled(if: installed("systemd-socket-activate"), "systemd-socket-activate is not installed"))
    func `serves a socket that was opened for it, and leaves it to its owner`() async throws {
        let service = try Service()
        let process = try RunningProcess(
            "systemd-socket-activate",
            ["-l", service.socket, "--fdname=control", DaemonUnderTest.products + "/layerd"] + service.arguments,
            environment: ["PATH": "/usr/bin:/bin"])
        _ = try await process.wait(for: "the socket") { $0.errorText.contains("Listening on") ? true : nil }
        let answer = try await runChecked("curl", ["-s", "--unix-socket", service.socket, "http://layerd/readyz"])
        #expect(answer.output == "ready\n")
        #expect(process.state.errorText.contains("listen=unix://\(service.socket)"), "\(process.state.errorText)")
        #expect(try await process.stop() == 0)
        #expect(Files.size(service.socket) != nil)
    }

    @Test func `gives the journal priorities, and programs JSON`() async throws {
        let service = try Service()
        let text = try service.start(["JOURNAL_STREAM": "1:2"])
        try await service.manager.wait(for: "READY=1")
        #expect(try await text.stop() == 0)
        #expect(text.state.errorText.split(separator: "\n").allSatisfy { $0.hasPrefix("<6>") || $0.hasPrefix("<4>") })
        let json = try service.start([:], ["--log-format", "json"])
        try await service.manager.wait(for: "READY=1", count: 2)
        #expect(try await json.stop() == 0)
        let lines = json.state.errorText.split(separator: "\n")
        #expect(!lines.isEmpty)
        for line in lines {
            let object = try JSON(parsing: Array(line.utf8))
            #expect(object["level"]?.string != nil && object["time"]?.string != nil, "\(line)")
        }
    }
}

/// The unit files, as systemd's own tools judge them.
@Suite(.enabled(if: installed("systemd-analyze"), "systemd-analyze is not installed")) struct `The units` {
    private static let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/systemd"

    @Test func `are valid`() async throws {
        let directory = try TemporaryDirectory()
        let names = try Files.list(Self.folder).filter { name in
            [".service", ".socket", ".timer"].contains(where: name.hasSuffix)
        }
        #expect(names.count == 5)
        for name in names {
            let text = String(decoding: try Files.read("\(Self.folder)/\(name)"), as: UTF8.self)
            try Files.write(
                text.replacing("/usr/bin/layer", with: DaemonUnderTest.products + "/layer"), to: directory.path(name))
        }
        let result = try await runProcess(
            "systemd-analyze", ["verify", "--man=no"] + names.map { directory.path($0) },
            environment: ["SYSTEMD_LOG_LEVEL": "warning", "PATH": "/usr/bin:/bin"])
        #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    }

    /// A12: a start limit would end the sockets with the service, after which nobody is answered until somebody comes.
    @Test func `are never given up by systemd, however often the daemon dies`() throws {
        let text = String(decoding: try Files.read(Self.folder + "/layerd.service"), as: UTF8.self)
        let lines = Set(text.split(separator: "\n").map(String.init))
        #expect(lines.isSuperset(of: ["StartLimitIntervalSec=0", "Restart=always", "RestartSec=3"]))
        #expect(lines.isSuperset(of: ["Sockets=layerd.socket layerd-mirror.socket", "WatchdogSec=30"]))
    }

    /// D18: with its file system not mounted, a daemon would begin an empty store in its place.
    @Test func `wait for the file system that the store is on`() throws {
        let text = String(decoding: try Files.read(Self.folder + "/layerd.service"), as: UTF8.self)
        let lines = Set(text.split(separator: "\n").map(String.init))
        #expect(lines.isSuperset(of: ["RequiresMountsFor=/var/lib/layerd", "StateDirectory=layerd"]))
    }

    @Test(arguments: ["layerd.service", "layerd-warm@.service"])
    func `expose little`(unit: String) async throws {
        let result = try await runProcess(
            "systemd-analyze", ["security", "--offline=yes", "--threshold=13", "\(Self.folder)/\(unit)"])
        #expect(result.status == 0, "\(result.output.suffix(200))")
    }
}

/// A state directory, a configuration and a notify socket.
private struct Service {
    let directory: TemporaryDirectory
    let manager: NotifySocket
    let socket: String
    private let config: String

    init() throws {
        directory = try TemporaryDirectory("layerd-service")
        manager = try NotifySocket(path: directory.path("notify"))
        socket = directory.path("layerd.sock")
        config = directory.path("layerd.toml")
        try configure("")
    }

    func configure(_ text: String) throws { try Files.write(text, to: config) }

    var arguments: [String] { ["--config", config, "--state-dir", directory.path("state"), "--socket", socket] }

    func start(_ environment: [String: String], _ more: [String] = []) throws -> RunningProcess {
        let variables = environment.merging(["NOTIFY_SOCKET": manager.path, "PATH": "/usr/bin:/bin"]) { own, _ in own }
        return try RunningProcess(DaemonUnderTest.products + "/layerd", arguments + more, environment: variables)
    }
}
