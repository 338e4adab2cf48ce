import ArgumentParser
import Foundation
import OCI
import Testing

@testable import layerctl

private func command<Verb>(_ arguments: [String], as type: Verb.Type = Verb.self) throws -> Verb {
    try #require(try LayerctlCommand.parseAsRoot(arguments) as? Verb)
}

@Suite struct `The text of plan` {
    private let report: JSON = [
        "images": [
            [
                "image": "docker.io/library/alpine:3.20", "digest": "sha256:aa", "size": 3_500_000,
                "bytesToFetch": 3_400_000, "registryPulls": 1, "upToDate": false,
            ],
            ["image": "docker.io/library/nope:latest", "error": "no such image", "kind": "notFound"],
        ],
        "blobs": [
            ["digest": "sha256:0123456789abcdef", "size": 3_400_000, "state": "partial", "held": 1_000],
            ["digest": "sha256:fedcba9876543210", "size": 100_000, "state": "present"],
        ],
        "bytesToFetch": 3_399_000, "bytesPresent": 101_000, "registryPulls": 1,
    ]

    @Test func `has a line for each image and the total in bytes`() throws {
        let plan = try command(["plan", "alpine:3.20", "nope"], as: PlanCommand.self)
        #expect(
            try plan.text(report) == """
                IMAGE         SIZE      FETCH     PULLS     STATUS
                alpine:3.20   3.5MB     3.4MB     1         to fetch
                nope:latest                                 cannot be planned

                Total to fetch: 3.399MB (3399000 bytes), 101kB already here; 1 registry pull

                """)
    }

    @Test func `with -v names every blob and its state`() throws {
        let text = try command(["plan", "-v", "alpine"], as: PlanCommand.self).text(report)
        #expect(text.contains("0123456789ab   3.4MB     partial (1kB held)\nfedcba987654   100kB     present\n"))
    }

    @Test func `as json is the daemon's answer, and in fields has those`() throws {
        let json = try command(["plan", "a", "--format", "json"], as: PlanCommand.self).text(report)
        #expect(try JSON(parsing: json.utf8) == report)
        let fields = try command(["plan", "a", "--format", "Image,Fetch"], as: PlanCommand.self).text(report)
        #expect(fields == "alpine:3.20\t3.4MB\nnope:latest\t\n")
    }
}

@Suite struct `The text of what removes` {
    @Test func `is docker's for rm`() {
        let rows: JSON = [["Untagged": "alpine:3.20"], ["Deleted": "sha256:aa"]]
        #expect(RemoveCommand.text(rows) == "Untagged: alpine:3.20\nDeleted: sha256:aa\n")
    }

    @Test func `is docker's for prune, and the bytes in full when it is dry`() throws {
        let report: JSON = [
            "images": [["id": "sha256:aa", "tags": ["docker.io/library/a:1"], "size": 5]], "bytes": 1_234_567,
        ]
        #expect(
            try command(["prune", "-f"], as: PruneCommand.self).text(report) == """
                Deleted Images:
                untagged: a:1
                deleted: sha256:aa

                Total reclaimed space: 1.235MB

                """)
        let dry = try command(["prune", "--dry-run", "-a"], as: PruneCommand.self).text(report)
        #expect(dry.hasPrefix("Would delete:\n") && dry.hasSuffix("space: 1.235MB (1234567 bytes)\n"))
        let nothing = try command(["prune", "-f"], as: PruneCommand.self).text(["images": [], "bytes": 0])
        #expect(nothing == "Total reclaimed space: 0B\n")
    }

    @Test func `tells for gc what went and what is left`() throws {
        let report: JSON = [
            "blobs": 2, "blobBytes": 1_000, "ingests": 1, "ingestBytes": 500, "left": 3, "bytes": 1_500,
        ]
        #expect(
            try command(["gc", "--dry-run"], as: CollectCommand.self).text(report) == """
                Would remove 2 blobs (1kB) and 1 interrupted transfers (500B)
                Left for now: 3 blobs that are young or in use
                Total: 1.5kB (1500 bytes)

                """)
        #expect(throws: (any Error).self) { try LayerctlCommand.parseAsRoot(["gc", "--grace", "-1"]) }
    }
}

@Suite struct `The text of pins, events, status and versions` {
    @Test func `lists pins and names what changed`() throws {
        let pins: JSON = ["pins": [["image": "docker.io/library/a:1", "digest": "sha256:aa"]]]
        #expect(
            try command(["pin"], as: PinCommand.self).text(pins) == """
                IMAGE                   DIGEST
                docker.io/library/a:1   sha256:aa

                """)
        #expect(PinCommand.names(["pinned": true, "images": ["docker.io/library/a:1"]]) == "docker.io/library/a:1\n")
    }

    @Test func `has docker's line for an event`() {
        let event: JSON = [
            "Type": "image", "Action": "pull", "timeNano": 1_795_463_968_000_000_123,
            "Actor": ["ID": "alpine:3.20", "Attributes": ["name": "alpine", "a": "b"]],
        ]
        let text = EventsCommand.text(event)
        #expect(text.hasSuffix(" image pull alpine:3.20 (a=b, name=alpine)\n"))
        #expect(text.contains(":28.000000123"))
    }

    @Test func `tells of transfers, registries and the mirror`() {
        let status: JSON = [
            "version": "1.2.3", "uptimeSeconds": 7_200,
            "catalogue": ["images": 2, "references": 3, "blobs": 9, "layersSize": 5_000_000],
            "store": [
                "blobs": ["physical": 5_001_216], "ingest": ["physical": 4_096], "quarantine": ["physical": 0],
                "transfers": [["digest": "sha256:0123456789abcdef", "received": 10, "size": 100, "active": true]],
            ],
            "pulls": ["fetched": 1, "cached": 2], "mirror": ["requests": ["hit": 4], "bytes": 2_000],
            "registries": [
                ["name": "docker.io", "healthy": true, "rateLimit": ["limit": 100, "remaining": 42]],
                ["name": "ghcr.io", "healthy": false, "lastError": "no route"],
            ],
        ]
        #expect(
            StatusCommand.text(status) == """
                layerd 1.2.3, up 2 hours
                Images: 2, names: 3, blobs: 9 (5MB)
                On disk: blobs 5.001MB, transfers 4.096kB, quarantine 0B
                Pulls: fetched 1, cached 2
                Mirror: hit 4; 2kB served

                TRANSFER       RECEIVED   SIZE      STATE
                0123456789ab   10B        100B      active

                REGISTRY    HEALTH    PULLS LEFT   LAST ERROR
                docker.io   ok        42/100       \("")
                ghcr.io     spared    -            no route

                """)
    }

    @Test func `has both versions`() throws {
        let text = try command(["version"], as: VersionCommand.self).text(
            ["version": "1.2.3"], ["ApiVersion": "1.50", "MinAPIVersion": "1.24"])
        #expect(text.contains(" Version:      1.2.3\n API version:  1.50 (minimum version 1.24)\n"))
    }
}

@Suite struct `The version` {
    @Test func `of layerctl is the daemon's`() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let source = try String(contentsOfFile: "/\(root)/Sources/Daemon/Version.swift", encoding: .utf8)
        #expect(source.contains("current = \"\(VersionCommand.version)\""))
    }
}

@Suite struct `The text of df for a set of images` {
    @Test func `is what removing them together frees`() throws {
        let usage = try command(["df", "--reclaimable", "a:1", "b:1"], as: UsageCommand.self)
        #expect(usage.reclaimable == ["a:1", "b:1"])
        #expect(try usage.reclaimableText(["reclaimable": 1_234_567]) == "1.235MB (1234567 bytes)\n")
        let json = try command(["df", "--reclaimable", "a:1", "--format", "json"], as: UsageCommand.self)
        #expect(try json.reclaimableText(["reclaimable": 7]) == "{\"Reclaimable\":7}\n")
    }
}

@Suite struct `A tag command` {
    @Test func `refuses what is no name before it asks anybody`() throws {
        #expect(try command(["tag", "a", "b"], as: TagCommand.self).parts() == ("docker.io/library/b", "latest"))
        let digest = "a@sha256:" + String(repeating: "a", count: 64)
        for target in [digest, "UPPER/x:y:z"] {
            #expect(throws: ValidationError.self) { try command(["tag", "a", target], as: TagCommand.self).parts() }
        }
    }
}

@Suite struct `Completions` {
    @Test(arguments: ["bash", "zsh", "fish"])
    func `know every verb`(shell: String) throws {
        let script = try command(["completions", shell], as: CompletionsCommand.self).text
        for verb in ["pull", "plan", "prune", "unpin", "df"] { #expect(script.contains(verb), "\(verb)") }
        #expect(throws: (any Error).self) { try LayerctlCommand.parseAsRoot(["completions", "csh"]) }
    }
}

@Suite struct `Colour` {
    @Test func `takes no room in a table`() {
        var table = TextTable(["NAME", "X"])
        table.add([Style.good("ok", colours: true), "1"])
        table.add([Style.good("ok", colours: false), "2"])
        #expect(table.text.hasSuffix("\u{1b}[32mok\u{1b}[0m        1\nok        2\n"))
    }
}
