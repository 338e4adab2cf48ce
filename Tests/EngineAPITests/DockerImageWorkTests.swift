import EngineAPI
import OCI
import Pulling
import Testing
import TestSupport

/// Every docker command that is installed, an old and a new one where a machine has both.
@Suite(.enabled(if: DockerCommand.isPresent, Comment(rawValue: DockerCommand.absence)))
struct `Each installed docker command` {
    private func run(
        _ fixture: EngineFixture, _ executable: String, _ arguments: [String]
    ) async throws -> ProcessResult {
        try await serving(fixture.routes) { try await DockerCommand(socket: $0, executable: executable)(arguments) }
    }

    @Test(arguments: DockerCommand.installed)
    func `tags and removes, and is told of conflicts`(executable: String) async throws {
        let fixture = try await EngineFixture.withFamily()
        let id = "\(TestImage.digest(0x22))"
        try await serving(fixture.routes) { socket in
            let docker = try DockerCommand(socket: socket, executable: executable)
            #expect(try await docker.output(["tag", "worker:1.4", "reg:5000/team/x:2"]) == "")
            #expect(try await docker.output(["image", "ls", "-q", "reg:5000/team/x"]) == "222222222222\n")
            let conflict = try await docker(["rmi", "222222222222"])
            #expect(conflict.status == 1)
            #expect(
                conflict.errors == "Error response from daemon: conflict: unable to delete 222222222222 "
                    + "(must be forced) - image is referenced in multiple repositories\n")
            #expect(try await docker.output(["image", "rm", "reg:5000/team/x:2"]) == "Untagged: reg:5000/team/x:2\n")
            #expect(
                try await docker.output(["rmi", "-f", "222222222222"]) == """
                    Untagged: worker:1.4
                    Untagged: worker:latest
                    Deleted: \(id)

                    """)
            let missing = try await docker(["rmi", "nope"])
            #expect(missing.status == 1)
            #expect(missing.errors.contains("No such image: nope"))
            #expect(try await docker(["rmi", "-f", "nope"]).errors.contains("No such image: nope"))
        }
    }

    @Test(arguments: DockerCommand.installed)
    func `prunes, and prints the bytes that went`(executable: String) async throws {
        let fixture = try await EngineFixture.withStoredScene()
        _ = try await fixture.collector.pin("one:1")
        try await serving(fixture.routes) { socket in
            let docker = try DockerCommand(socket: socket, executable: executable)
            let dangling = try await docker.output(["image", "prune", "-f"])
            #expect(dangling.hasPrefix("Deleted Images:\ndeleted: \(TestImage.digest(3))\n"))
            #expect(try await docker.output(["image", "prune", "-f"]) == "Total reclaimed space: 0B\n")
            let system = try await docker.output(["system", "prune", "-a", "-f", "--volumes"])
            #expect(
                system.hasPrefix(
                    "Deleted Images:\nuntagged: two:1\nuntagged: two:2\ndeleted: \(TestImage.digest(2))\n"))
            #expect(system.contains("\nTotal reclaimed space: ") && !system.hasSuffix(" 0B\n"))
            #expect(try await docker.output(["images", "-q"]) == "010101010101\n")
            let (builder, volumes) = (["builder", "prune", "-a", "-f"], ["volume", "prune", "-f"])
            #expect(try await docker.output(builder).hasSuffix("0B\n"))
            #expect(try await docker.output(volumes) == "Total reclaimed space: 0B\n")
        }
    }

    @Test(arguments: DockerCommand.installed)
    func `shows what happened`(executable: String) async throws {
        let fixture = try await EngineFixture.withFamily()
        fixture.events.post(
            .pulled(try Reference(parsing: "worker:1.4"), labels: ["tier": "backend"]))
        fixture.events.post(.deleted(TestImage.digest(0x22)))
        let span = ["events", "--since", "1", "--until", "\(testNow.seconds)"]
        let result = try await run(fixture, executable, span)
        let digest = "\(TestImage.digest(0x22))"
        #expect(
            result.output == """
                2026-01-02T03:04:05.000000000Z image pull worker:1.4 (name=worker, tier=backend)
                2026-01-02T03:04:05.000000000Z image delete \(digest) (name=\(digest))

                """)
        let filtered = try await run(fixture, executable, span + ["--filter", "event=delete", "--format", "{{.ID}}"])
        #expect(filtered.output == "\(digest)\n")
        #expect(filtered.status == 0)
    }

    @Test(arguments: DockerCommand.installed)
    func `is told in one sentence what layerd leaves to others`(executable: String) async throws {
        let fixture = try await EngineFixture.withFamily()
        try await serving(fixture.routes) { socket in
            let docker = try DockerCommand(socket: socket, executable: executable)
            for arguments in [
                ["push", "worker:1.4"], ["search", "x"], ["commit", "x"], ["import", "http://x/y.tar"],
            ] {
                let result = try await docker(arguments)
                #expect(result.status == 1, "\(arguments)")
                #expect(result.errors.contains("not supported by layerd: ask this machine's container engine"))
            }
            for arguments in [["ps", "-q"], ["volume", "ls", "-q"], ["network", "ls", "-q"]] {
                #expect(try await docker.output(arguments) == "")
            }
        }
    }

    @Test(arguments: DockerCommand.installed)
    func `sees the same images, sizes and shares`(executable: String) async throws {
        let fixture = try await EngineFixture.withFamily()
        try await serving(fixture.routes) { socket in
            let docker = try DockerCommand(socket: socket, executable: executable)
            let format = ["--format", "{{.Repository}}:{{.Tag}} {{.Size}}"]
            #expect(
                try await docker.output(["images"] + format + ["w*"])
                    == "webapp:2.0 124MB\nworker:1.4 132MB\nworker:latest 132MB\n")
            let tier = ["--filter", "label=tier=backend", "--filter", "before=webapp:2.0"]
            #expect(
                try await docker.output(["images"] + format + tier)
                    == "worker:1.4 132MB\nworker:latest 132MB\n")
            let usage = try await docker.output(["system", "df", "--format", "{{.Type}}|{{.TotalCount}}|{{.Size}}"])
            #expect(usage == "Images|3|145.8MB\nContainers|0|0B\nLocal Volumes|0|0B\nBuild Cache|0|0B\n")
            let verbose = try await docker.output(["system", "df", "-v"])
            for text in ["120.5MB", "12MB", "74.81MB", "9.877MB", "3.457MB"] { #expect(verbose.contains(text)) }
            #expect(!verbose.contains("-") || !verbose.contains("e+08"))
            let size = ["inspect", "-f", "{{.Size}} {{index .RepoTags 0}}", "worker"]
            #expect(try await docker.output(size) == "132491369 worker:1.4\n")
        }
    }
}
