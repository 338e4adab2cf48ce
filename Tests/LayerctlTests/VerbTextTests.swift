import ArgumentParser
import Foundation
import OCI
import TestSupport
import Testing

@testable import layerctl

private let images: JSON = [
    [
        "Id": "sha256:aaaaaaaaaaaabbbb", "Created": 1_795_463_968, "Size": 123_948_035, "SharedSize": 120_491_246,
        "Containers": 0, "RepoTags": ["webapp:2.0", "webapp:latest"],
        "RepoDigests": ["webapp@sha256:1111"],
    ],
    [
        "Id": "sha256:ccccccccccccdddd", "Created": 0, "Size": 7, "SharedSize": 0, "Containers": 1, "RepoTags": [],
        "RepoDigests": ["registry.example.com:5000/team/proxy@sha256:2222"],
    ],
]
private let now: Int64 = 1_795_481_968

@Suite struct `Text that an image brings` {
    @Test func `neither moves the cursor nor makes lines`() throws {
        let hostile = "RUN\u{1B}[2J\u{9B}31m x\nlayer: fine\r\u{7F}\u{2028}é"
        let steps: [JSON] = [["CreatedBy": .string(hostile), "Comment": .string(hostile), "Size": 1]]
        let command = try #require(
            try LayerctlCommand.parseAsRoot(["history", "--no-trunc", "a"]) as? HistoryCommand)
        let fields = try #require(
            try LayerctlCommand.parseAsRoot(["history", "--no-trunc", "--format", "CreatedBy", "a"])
                as? HistoryCommand)
        let compared = CompareCommand.text(
            ["layers": [["instruction": .string(hostile)]], "firstDifference": ["from": .string(hostile)]],
            columns: .max)
        let texts = [
            try command.text(steps, now: 0), try fields.text(steps, now: 0), compared,
            Failure.refused(hostile).description,
        ]
        for text in texts {
            #expect(text.contains("RUN [2J") && text.contains("é"))
            #expect(!text.unicodeScalars.contains { $0 != "\n" && ($0.value < 0x20 || 0x7f..<0xa0 ~= $0.value) })
            #expect(!text.contains("\nlayer") && !text.contains("\u{2028}"))
        }
        // What is for programs says what there is.
        let json = try #require(
            try LayerctlCommand.parseAsRoot(["history", "--no-trunc", "--format", "json", "a"]) as? HistoryCommand)
        #expect(try json.text(steps, now: 0).contains(#"RUN\u001b[2J"#))
    }
}

@Suite struct `The text of ls` {
    private func text(_ arguments: [String]) throws -> String {
        let command = try #require(try LayerctlCommand.parseAsRoot(["ls"] + arguments) as? ListCommand)
        let rows = (images.array ?? []).flatMap { ImageRow.rows(of: $0, digests: command.digests) }
        return try command.text(rows, now: now)
    }

    @Test func `has a line for each tag`() throws {
        #expect(
            try text([]) == """
                REPOSITORY                             TAG       IMAGE ID       CREATED        SIZE
                webapp                                 2.0       aaaaaaaaaaaa   5 hours ago    124MB
                webapp                                 latest    aaaaaaaaaaaa   5 hours ago    124MB
                registry.example.com:5000/team/proxy   <none>    cccccccccccc   56 years ago   7B

                """)
    }

    @Test func `with -q has IDs alone`() throws {
        #expect(try text(["-q"]) == "aaaaaaaaaaaa\naaaaaaaaaaaa\ncccccccccccc\n")
    }

    @Test func `with named fields has those, between tabs`() throws {
        #expect(try text(["--format", "Repository, Tag"]).hasPrefix("webapp\t2.0\nwebapp\tlatest\n"))
        #expect(throws: ValidationError.self) { try text(["--format", "Nope"]) }
    }

    @Test func `refuses docker's templates, which it would misread`() {
        #expect(throws: (any Error).self) { try LayerctlCommand.parseAsRoot(["ls", "--format", "{{.ID}}"]) }
    }

    @Test func `asks for a pattern and filters in docker's encoding`() throws {
        let command = try #require(
            try LayerctlCommand.parseAsRoot(["ls", "w*", "-f", "label=a", "-f", "label=b"]) as? ListCommand)
        #expect(try command.query().map(\.1) == [#"{"label":{"a":true,"b":true},"reference":{"w*":true}}"#])
    }
}

@Suite struct `The text of df` {
    private func command(_ arguments: [String]) throws -> UsageCommand {
        try #require(try LayerctlCommand.parseAsRoot(["df"] + arguments) as? UsageCommand)
    }

    @Test func `keeps what is in use out of what can be reclaimed`() throws {
        let usage: JSON = ["LayersSize": 123_948_042, "Images": images]
        #expect(
            try command([]).summary(usage) == """
                TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE
                Images          2         1         123.9MB   123.9MB (99%)
                Containers      0         0         0B        0B
                Local Volumes   0         0         0B        0B
                Build Cache     0         0         0B        0B

                """)
    }

    @Test func `of nothing has zeros and no percentage`() throws {
        #expect(try command([]).summary([:]).contains("Images          0         0         0B        0B\n"))
    }

    @Test func `with -v has one line for each image, its shared and unique bytes`() throws {
        let text = try command(["-v"]).details(["LayersSize": 1, "Images": images], now: now)
        #expect(text.contains("webapp       2.0       aaaaaaaaaaaa   5 hours ago    124MB     120.5MB       3.457MB"))
        #expect(!text.contains("latest"))
        #expect(text.contains("<none>       <none>    cccccccccccc   56 years ago   7B        0B            7B "))
        #expect(text.contains("\nBuild cache usage: 0B\n"))
    }
}

@Suite(.enabled(if: CorpusFiles.isPresent(), Comment(rawValue: CorpusFiles.absence)))
struct `For docker's own data the text is docker's` {
    private let folder = "reference/engine-api/golden/"

    init() {
        setenv("TZ", "UTC", 1)
        tzset()
    }

    private func golden(_ name: String) throws -> String {
        String(decoding: try CorpusFiles.bytes(folder + name), as: UTF8.self)
    }

    @Test(arguments: [
        ([], "ls.stdout"), (["-q"], "ls.q.stdout"), (["--no-trunc"], "ls.notrunc.stdout"),
        (["--digests"], "ls.digests.stdout"), (["--format", "json"], "ls.json.stdout"),
    ])
    func `of ls`(arguments: [String], name: String) throws {
        let command = try #require(try LayerctlCommand.parseAsRoot(["ls"] + arguments) as? ListCommand)
        let images = try CorpusFiles.json(folder + "inputs/images_json.three.json")
        let rows = (images.array ?? []).flatMap { ImageRow.rows(of: $0, digests: command.digests) }
        #expect(try command.text(rows, now: now) == golden(name))
    }

    @Test(arguments: [
        ("three", [], "df.stdout"), ("three", ["--format", "json"], "df.json.stdout"), ("inuse", [], "df.inuse.stdout"),
        ("minus1", [], "df.minus1.stdout"), ("empty", [], "df.empty.stdout"), ("nosize", [], "df.nosize.stdout"),
    ])
    func `of df`(input: String, arguments: [String], name: String) throws {
        let command = try #require(try LayerctlCommand.parseAsRoot(["df"] + arguments) as? UsageCommand)
        let usage = try CorpusFiles.json(folder + "inputs/system_df.\(input).json")
        #expect(try command.summary(usage) == golden(name))
    }

    @Test(arguments: [
        ("three", [], "df.v.stdout", ""), ("inuse", [], "df.v.inuse.stdout", ""),
        ("three", ["--format", "json"], "df.v.json.stdout", "\n"),
    ])
    func `of df -v`(input: String, arguments: [String], name: String, added: String) throws {
        let command = try #require(try LayerctlCommand.parseAsRoot(["df", "-v"] + arguments) as? UsageCommand)
        let usage = try CorpusFiles.json(folder + "inputs/system_df.\(input).json")
        #expect(try command.details(usage, now: now) == golden(name) + added)
    }

    @Test(arguments: [
        ([], "history.stdout"), (["-q"], "history.q.stdout"), (["--no-trunc"], "history.notrunc.stdout"),
        (["--format", "json"], "history.json.stdout"), (["--no-human"], "history.H.stdout"),
    ])
    func `of history`(arguments: [String], name: String) throws {
        let command = try #require(
            try LayerctlCommand.parseAsRoot(["history", "worker:1.4"] + arguments) as? HistoryCommand)
        let steps = try CorpusFiles.json(folder + "inputs/history.worker_1.4.json").array ?? []
        #expect(try command.text(steps, now: now) == golden(name))
    }

    @Test func `of inspect`() throws {
        let image = try CorpusFiles.json(folder + "inputs/inspect.worker_1.4.json")
        #expect(try InspectCommand.text([image]) == golden("inspect.stdout"))
    }
}
