import EngineAPI
import Glibc
import OCI
import Pulling
import Testing
import TestSupport

/// A pull of three layers, with everything that can happen to one.
private let eventful: ScriptedPuller.Script = {
    let a = layer("a3ff50e30ca8", 29_126_484)
    let b = layer("326df033915d", 16_001_337)
    let c = layer("1cf94f7af3bb", 4_222_111)
    var script = ScriptedPuller.Script(layers: [a, b, c])
    script.events = [
        .layer(a, .exists), .layer(b, .waiting), .layer(c, .waiting),
        .layer(b, .downloading(current: 0, total: b.size)), .layer(b, .downloading(current: 9_000, total: b.size)),
        .layer(b, .verifying), .layer(b, .downloaded), .layer(c, .downloading(current: 0, total: c.size)),
        .layer(c, .retrying(after: .seconds(1))), .layer(c, .downloading(current: c.size, total: c.size)),
        .layer(c, .verifying), .layer(c, .downloaded), .layer(b, .complete), .layer(c, .complete),
    ]
    return script
}()

private func layer(_ start: String, _ size: Int64) -> Descriptor {
    let bytes = stride(from: 0, to: 12, by: 2).compactMap { UInt8(start.dropFirst($0).prefix(2), radix: 16) }
    let digest = Digest(.sha256, bytes: bytes + [UInt8](repeating: 0, count: 26))
    return Descriptor(mediaType: .ociLayerGzip, digest: digest, size: size)
}

@Suite(.enabled(if: DockerCommand.isPresent, Comment(rawValue: DockerCommand.absence)))
struct `A pull by the installed docker command` {
    private func run(_ script: ScriptedPuller.Script, _ arguments: [String]) async throws -> ProcessResult {
        let fixture = try await EngineFixture(puller: ScriptedPuller(script))
        return try await serving(fixture.routes) { socket in
            // A prompt for a name would wait for ever: the command must end by itself.
            try await DockerCommand(socket: socket)(["pull"] + arguments, timeout: .seconds(20))
        }
    }

    @Test func `prints each state of each layer`() async throws {
        let result = try await run(eventful, ["worker:1.4"])
        #expect(result.status == 0)
        #expect(
            result.output == """
                1.4: Pulling from library/worker
                a3ff50e30ca8: Already exists
                326df033915d: Pulling fs layer
                1cf94f7af3bb: Pulling fs layer
                1cf94f7af3bb: Waiting
                326df033915d: Verifying Checksum
                326df033915d: Download complete
                1cf94f7af3bb: Retrying in 1 second
                1cf94f7af3bb: Verifying Checksum
                1cf94f7af3bb: Download complete
                326df033915d: Pull complete
                1cf94f7af3bb: Pull complete
                Digest: \(TestImage.digest(0x77))
                Status: Downloaded newer image for worker:1.4
                docker.io/library/worker:1.4

                """)
    }

    @Test(
        .enabled(if: CorpusFiles.isPresent(), Comment(rawValue: CorpusFiles.absence)),
        arguments: [
            ("pull.pipe.stdout", ["worker:1.4"]), ("pull.latest.stdout", ["worker"]),
            ("pull.q.stdout", ["-q", "worker"]),
            ("pull.digest.stdout", ["worker@sha256:79151c3e55b33470305b77eee513767c3a0532e82d592d0769aef5cc73677d55"]),
            (
                "pull.tagdigest.stdout",
                ["worker:1.4@sha256:79151c3e55b33470305b77eee513767c3a0532e82d592d0769aef5cc73677d55"]
            ),
            ("pull.private.stdout", ["registry.example.com:5000/team/proxy:1.27"]),
            ("pull.platform.stdout", ["--platform", "linux/arm64/v8", "worker:1.4"]),
        ])
    func `prints what was recorded`(label: String, arguments: [String]) async throws {
        var script = eventful
        script.target = try Digest(parsing: "sha256:79151c3e55b33470305b77eee513767c3a0532e82d592d0769aef5cc73677d55")
        let recorded = String(decoding: try CorpusFiles.bytes(Golden.folder + label), as: UTF8.self)
        let result = try await run(script, arguments)
        #expect(result.output == recorded)
        #expect(result.status == 0)
    }

    @Test func `says that there was nothing to do`() async throws {
        var script = eventful
        script.upToDate = true
        let lines = try await run(script, ["worker:1.4"]).output.split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines[2] == "Status: Image is up to date for worker:1.4")
    }

    @Test(arguments: [["worker:1.4"], ["-q", "worker:1.4"]])
    func `fails when a frame says so`(arguments: [String]) async throws {
        var script = eventful
        script.failure = TestFault(kind: .integrity, description: "the layer is not what it should be")
        let result = try await run(script, arguments)
        #expect(result.status == 1)
        #expect(result.errors == "the layer is not what it should be\n")
    }

    @Test func `fails when the daemon is stopped under it`() async throws {
        var script = eventful
        script.failure = CancellationError()
        let result = try await run(script, ["worker:1.4"])
        #expect(result.status == 1)
        #expect(result.errors == "unexpected EOF\n")
    }

    @Test(arguments: [["worker:1.4"], ["-q", "worker:1.4"]], [FaultKind.unauthenticated, .notFound, .timedOut])
    func `fails without a prompt when it is refused`(arguments: [String], kind: FaultKind) async throws {
        let result = try await run(.init(refusal: TestFault(kind: kind, description: "no such thing")), arguments)
        #expect(result.status == 1)
        #expect(result.output == "")
        #expect(result.errors == "Error response from daemon: no such thing\n")
    }

    @Test(.timeLimit(.minutes(1)))
    func `lets the pull go when it is interrupted`() async throws {
        var script = eventful
        script.hangs = true
        let puller = ScriptedPuller(script)
        try await serving(try await EngineFixture(puller: puller).routes) { socket in
            let docker = try DockerCommand(socket: socket)
            let process = try RunningProcess("docker", ["pull", "worker:1.4"], environment: docker.environment)
            try await process.wait(for: "its last line") {
                $0.outputText.contains("1cf94f7af3bb: Pull complete") ? () : nil
            }
            process.signal(SIGINT)
            for await _ in puller.departures { break }
            #expect(try await process.exit() == 130)
        }
    }

    @Test func `takes every tag`() async throws {
        var script = ScriptedPuller.Script()
        script.tags = ["1", "2"]
        #expect(
            try await run(script, ["-a", "worker"]).output == """
                1: Pulling from library/worker
                Digest: \(TestImage.digest(0x77))
                2: Pulling from library/worker
                Digest: \(TestImage.digest(0x77))
                Status: Downloaded newer image for worker
                docker.io/library/worker

                """)
    }
}
