import EngineAPI
import FoundationEssentials
import OCI
import Testing
import TestSupport

private let isReady = DockerCommand.isPresent && CorpusFiles.isPresent()
private let reason = Comment(
    rawValue: DockerCommand.isPresent ? CorpusFiles.absence : "the docker command is not installed")

@Suite(.enabled(if: isReady, reason))
struct `The installed docker command prints what was recorded for` {
    private static let commands: [(label: String, arguments: [String])] = [
        ("ls.stdout", ["image", "ls"]), ("ls.w.stdout", ["image", "ls", "w*"]),
        ("ls.w.tag.stdout", ["image", "ls", "worker:*"]), ("ls.slash.stdout", ["image", "ls", "*/*"]),
        ("ls.digests.stdout", ["image", "ls", "--digests"]), ("ls.q.stdout", ["image", "ls", "-q"]),
        ("ls.a.stdout", ["image", "ls", "-a"]), ("ls.json.stdout", ["image", "ls", "--format", "json"]),
        ("ls.notrunc.stdout", ["image", "ls", "--no-trunc"]),
        ("ls.qa.notrunc.stdout", ["images", "-aq", "--no-trunc"]),
        ("ls.filter.label.stdout", ["image", "ls", "--filter", "label=tier=backend"]),
        ("ls.filter.multi.stdout", ["image", "ls", "-f", "reference=w*", "-f", "label=tier"]),
        ("history.stdout", ["image", "history", "worker:1.4"]),
        ("history.json.stdout", ["image", "history", "--format", "json", "worker:1.4"]),
        ("history.notrunc.stdout", ["history", "--no-trunc", "worker:1.4"]),
        ("history.H.stdout", ["history", "--human=false", "worker:1.4"]),
        ("history.q.stdout", ["history", "-q", "worker:1.4"]),
        ("df.stdout", ["system", "df"]), ("df.v.stdout", ["system", "df", "-v"]),
        ("df.json.stdout", ["system", "df", "--format", "json"]),
        ("df.v.json.stdout", ["system", "df", "-v", "--format", "json"]),
        ("df.raw.stdout", ["system", "df", "--format", "raw"]),
        (
            "inspect.format.labels.stdout",
            ["image", "inspect", "-f", "{{index .Config.Labels \"tier\"}}", "worker:1.4"]
        ),
        (
            "inspect.format.stdout",
            [
                "image", "inspect", "-f",
                "{{.Id}} {{index .RepoDigests 0}} {{.Size}} {{.Architecture}}/{{.Os}} {{json .RootFS.Layers}}",
                "worker:1.4",
            ]
        ),
    ]

    @Test func `images, their history and their sizes`() async throws {
        let golden = try Golden(now: .current)
        let fixture = try await EngineFixture(now: .current)
        for image in golden.images { try await fixture.add(image) }
        try await serving(fixture.routes) { socket in
            let docker = try DockerCommand(socket: socket)
            for (label, arguments) in Self.commands {
                #expect(try await docker.output(arguments) == golden.output(label), "\(label)")
            }
        }
    }

    @Test func `one image, but for the driver, the time of its tag and its descriptor`() async throws {
        let golden = try Golden(now: .current)
        let fixture = try await EngineFixture(now: .current)
        for image in golden.images { try await fixture.add(image) }
        try await serving(fixture.routes) { socket in
            let docker = try DockerCommand(socket: socket)
            let (ours, recorded) = (
                try await docker.output(["image", "inspect", "worker:1.4"]), try golden.output("inspect.stdout")
            )
            #expect(try members(ours) == members(recorded))
            #expect(try await docker.output(["inspect", "worker:1.4"]) == ours)
            let platform = ["image", "inspect", "--platform", "linux/amd64", "worker:1.4"]
            #expect(try await docker.output(platform) == ours)
        }
    }

    private func members(_ text: String) throws -> [JSON.Member] {
        let image = try JSON(parsing: Array(text.utf8).dropLast()).array?.first
        let differing: Set<String> = ["GraphDriver", "Metadata", "Descriptor"]
        return try #require(image?.members).filter { !differing.contains($0.key) }
    }

    @Test func `an empty store`() async throws {
        let golden = try Golden(now: .current)
        try await serving(try await EngineFixture().routes) { socket in
            let docker = try DockerCommand(socket: socket)
            #expect(try await docker.output(["system", "df"]) == golden.output("df.empty.stdout"))
            #expect(try await docker.output(["image", "ls"]) == golden.output("ls.empty.stdout"))
        }
    }

    @Test(arguments: [
        (["image", "inspect", "nope"], "inspect.missing"), (["inspect", "nope"], "inspect.root.missing"),
        (["history", "nope"], "history.missing"), (["image", "ls", "-f", "foo=bar"], "ls.badfilter"),
    ])
    func `what is not there`(arguments: [String], label: String) async throws {
        let golden = try Golden(now: .current)
        try await serving(try await EngineFixture().routes) { socket in
            let result = try await DockerCommand(socket: socket)(arguments)
            #expect(result.status == 1)
            #expect(try result.output == golden.output(label + ".stdout"))
            #expect(try result.errors == golden.output(label + ".stderr"))
        }
    }
}

extension Timestamp {
    /// The docker command's own clock, which no test can hold still.
    static var current: Timestamp { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) }
}
