import Catalogue
import OCI
import Pulling
import Testing

@testable import EngineAPI

private let worker = "\(TestImage.digest(0x22))"

@Suite struct `Tagging` {
    @Test func `points another name to the image, moves one that was elsewhere, and is told of`() async throws {
        let fixture = try await EngineFixture.withFamily()
        let made = try await fixture.ask("POST", "/v1.50/images/worker:1.4/tag?repo=docker.io%2Flibrary%2Fx&tag=1")
        #expect(made.status == 201)
        #expect(made.body == [])
        let moved = try await fixture.ask("POST", "/images/webapp:2.0/tag?repo=x:1&force=0")
        #expect(moved.status == 201)
        #expect(try await fixture.catalogue.resolve("x:1").id == TestImage.digest(0x11))
        #expect(await fixture.projected.names.contains("x:1"))
        let events = fixture.events.subscribe().history.map(\.happening)
        let name = try Reference(parsing: "x:1")
        #expect(
            events == [
                .tagged(TestImage.digest(0x22), as: name, labels: ["tier": "backend", "a": "<b>"]),
                .tagged(TestImage.digest(0x11), as: name, labels: ["tier": "frontend"]),
            ])
    }

    @Test(
        arguments: [
            ("/images/nope/tag?repo=x&tag=1", 404, "No such image: nope:latest"),
            (
                "/images/worker/tag?repo=FOO&tag=1", 400,
                nil
            ),
            ("/images/worker/tag?repo=x@\(worker)", 400, "cannot import digest reference"),
            (
                "/images/worker/tag?repo=sha256&tag=1", 400,
                "refusing to create an ambiguous tag using digest algorithm as name"
            ),
            ("/images/worker/tag?repo=x&tag=a/b", 400, nil),
        ] as [(String, Int, String?)])
    func `is refused`(target: String, status: Int, message: String?) async throws {
        let fixture = try await EngineFixture.withFamily()
        let answer = try await fixture.ask("POST", target)
        #expect(answer.status == status)
        if let message { #expect(try answer.message == message) }
        #expect(fixture.events.subscribe().history.isEmpty)
    }

    @Test func `without a repository does nothing, as dockerd does`() async throws {
        let answer = try await EngineFixture.withFamily().ask("POST", "/v1.50/images/worker/tag")
        #expect(answer.status == 200)
        #expect(answer.body == [])
    }
}

@Suite struct `Removing an image` {
    private func rows(_ answer: EngineFixture.Answer) throws -> [String] {
        try #require(try answer.json.array).map { row in
            row["Untagged"]?.string.map { "Untagged \($0)" } ?? "Deleted \(row["Deleted"]?.string ?? "?")"
        }
    }

    @Test func `by one of its tags takes that away, by the last one all of it`() async throws {
        let fixture = try await EngineFixture.withFamily()
        let first = try await fixture.ask("DELETE", "/v1.50/images/worker")
        #expect(first.status == 200)
        #expect(try rows(first) == ["Untagged worker:latest"])
        let last = try await fixture.ask("DELETE", "/v1.50/images/worker:1.4?force=False&noprune=False")
        #expect(try rows(last) == ["Untagged worker:1.4", "Deleted \(worker)"])
        #expect(try await fixture.get("/images/worker:1.4/json").status == 404)
        #expect(await fixture.projected.names == ["webapp:2.0", "registry.example.com:5000/team/proxy:1.27"])
        let words = fixture.events.subscribe().history.map(\.words)
        #expect(words.map(\.action) == ["untag", "untag", "delete"])
        #expect(words.map { $0.attributes["name"] } == ["worker:latest", "worker:1.4", worker])
        #expect(words.map { $0.attributes["tier"] } == ["backend", "backend", nil])
    }

    @Test func `by its ID needs force when it has several names`() async throws {
        let fixture = try await EngineFixture.withFamily()
        let refused = try await fixture.ask("DELETE", "/v1.50/images/222222222222")
        #expect(refused.status == 409)
        #expect(
            try refused.message == "conflict: unable to delete 222222222222 (must be forced) - "
                + "image is referenced in multiple repositories")
        let forced = try await fixture.ask("DELETE", "/v1.50/images/\(worker)?force=1")
        #expect(try rows(forced) == ["Untagged worker:1.4", "Untagged worker:latest", "Deleted \(worker)"])
        let single = try await fixture.ask("DELETE", "/v1.50/images/1111")
        #expect(try rows(single) == ["Untagged webapp:2.0", "Deleted \(TestImage.digest(0x11))"])
    }

    @Test func `by a digest takes every name of that repository`() async throws {
        let fixture = try await EngineFixture.withFamily()
        _ = try await fixture.ask("POST", "/images/worker/tag?repo=other")
        let kept = try await fixture.ask("DELETE", "/v1.50/images/worker@\(worker)")
        #expect(try rows(kept) == ["Untagged worker:1.4", "Untagged worker:latest"])
        let last = try await fixture.ask("DELETE", "/v1.50/images/other@\(worker)")
        #expect(try rows(last) == ["Untagged other:latest", "Deleted \(worker)"])
    }

    @Test func `by the last tag of a repository takes its digest references too`() async throws {
        let fixture = try await EngineFixture.withFamily()
        let digest = try Reference(parsing: "webapp@\(TestImage.digest(0x11))")
        try await fixture.catalogue.tag(TestImage.digest(0x11), as: [digest])
        let answer = try await fixture.ask("DELETE", "/v1.50/images/webapp:2.0")
        #expect(
            try rows(answer) == [
                "Untagged webapp:2.0", "Untagged \(digest.familiar)", "Deleted \(TestImage.digest(0x11))",
            ])
    }

    @Test func `that is pinned needs force, and then ends the pin`() async throws {
        let fixture = try await EngineFixture.withFamily()
        _ = try await fixture.collector.pin("worker:1.4")
        let other = try await fixture.ask("DELETE", "/v1.50/images/worker:latest")
        #expect(try rows(other) == ["Untagged worker:latest"])
        let refused = try await fixture.ask("DELETE", "/v1.50/images/worker:1.4")
        #expect(refused.status == 409)
        #expect(try refused.message == "conflict: unable to delete worker:1.4 (must be forced) - image is pinned")
        let forced = try await fixture.ask("DELETE", "/v1.50/images/worker:1.4?force=1")
        #expect(try rows(forced) == ["Untagged worker:1.4", "Deleted \(worker)"])
    }

    @Test func `that is being read waits until it is not, forced or not`() async throws {
        let fixture = try await EngineFixture.withFamily()
        let reading = fixture.catalogue.reading(TestImage.digest(0x11))
        for query in ["", "?force=1"] {
            let refused = try await fixture.ask("DELETE", "/v1.50/images/webapp:2.0\(query)")
            #expect(refused.status == 409)
            #expect(
                try refused.message
                    == "conflict: unable to delete webapp:2.0 (cannot be forced) - image is being read")
        }
        reading.end()
        #expect(try await fixture.ask("DELETE", "/v1.50/images/webapp:2.0").status == 200)
    }

    @Test(
        arguments: [
            ("/images/nope", 404, "No such image: nope:latest"), ("/images/", 400, "image name cannot be blank"),
            ("/images/sha256:\(String(repeating: "ab", count: 32))", 404, nil), ("/images/UPPER", 400, nil),
        ] as [(String, Int, String?)])
    func `is refused`(target: String, status: Int, message: String?) async throws {
        let answer = try await EngineFixture.withFamily().ask("DELETE", "/v1.50\(target)")
        #expect(answer.status == status)
        if let message { #expect(try answer.message == message) }
    }

    /// Two platforms that share a layer, which another image uses too.
    private func withPlatforms() async throws -> EngineFixture {
        let fixture = try await EngineFixture.withFamily()
        let shared = TestImage.layer(0x51, 100)
        let variants = [("amd64", UInt8(0x61)), ("arm64", 0x62)].map { architecture, number in
            TestImage.Variant(
                digest: TestImage.digest(number), platform: Platform(os: "linux", architecture: architecture),
                config: Array("{\"architecture\":\"\(architecture)\",\"os\":\"linux\"}".utf8),
                layers: [shared, TestImage.layer(number + 0x10, Int64(number)), TestImage.layer(0x52, 1_000)])
        }
        let target = Descriptor(mediaType: .ociIndex, digest: TestImage.digest(0x60), size: 0)
        try await fixture.add(TestImage(target: target, variants: variants, names: ["multi:1"]))
        try await fixture.add(.single(0x63, ["other:1"], layers: [shared]))
        return fixture
    }

    private static func remove(_ image: String, _ architecture: String, _ more: String = "&force=1") -> String {
        "/v1.50/images/\(image)?platforms=%7B%22architecture%22%3A%22\(architecture)%22%2C%22os%22%3A%22linux%22%7D"
            + more
    }

    @Test func `for one platform takes what nothing else uses, and leaves its names`() async throws {
        let fixture = try await withPlatforms()
        let before = try await fixture.catalogue.resolve("multi:1")
        let arm = try await fixture.ask("DELETE", Self.remove("multi:1", "arm64"))
        #expect(try rows(arm) == ["Deleted \(TestImage.digest(0x62))"])
        let after = try await fixture.catalogue.resolve("multi:1")
        #expect(before.size - after.size == 0x62 && after.sharedSize == before.sharedSize)
        #expect(try await fixture.catalogue.reclaimable(of: [after.id]) == after.size - after.sharedSize)
        #expect(try await fixture.get("/images/multi:1/json").json["Architecture"] == "amd64")
        let again = try await fixture.ask("DELETE", Self.remove("multi:1", "arm64"))
        #expect(again.status == 404)
        #expect(try again.message?.hasPrefix("failed to delete platform linux/arm64 for image \(after.id): ") == true)
        // The last one: what the image still has in common with another stays there.
        let amd = try await fixture.ask("DELETE", Self.remove("6060", "amd64"))
        #expect(try rows(amd) == ["Deleted \(TestImage.digest(0x61))"])
        #expect(try await fixture.catalogue.resolve("multi:1").size == 0)
        #expect(try await fixture.catalogue.resolve("other:1").sharedSize == 0)
        #expect(try await fixture.catalogue.blobs(of: TestImage.digest(0x63)).contains { $0.size == 100 })
    }

    @Test func `for its only platform takes the whole image`() async throws {
        let answer = try await EngineFixture.withFamily().ask("DELETE", Self.remove("webapp:2.0", "amd64"))
        #expect(try rows(answer) == ["Untagged webapp:2.0", "Deleted \(TestImage.digest(0x11))"])
    }

    @Test func `for one platform needs force, a platform, and nobody who reads it`() async throws {
        let fixture = try await withPlatforms()
        let unforced = try await fixture.ask("DELETE", Self.remove("multi:1", "arm64", ""))
        #expect(unforced.status == 400)
        let warning = "Content will be removed from all images referencing this variant. Use —-force to force delete."
        #expect(try unforced.message == warning)
        let text = try await fixture.ask("DELETE", "/v1.50/images/multi:1?platforms=linux%2Farm64&force=1")
        #expect(text.status == 400)
        let reading = fixture.catalogue.reading(TestImage.digest(0x60))
        let read = try await fixture.ask("DELETE", Self.remove("multi:1", "arm64"))
        #expect(read.status == 409)
        reading.end()
        // Who speaks an older version does not know of it.
        let old = try await fixture.ask("DELETE", "/v1.49/images/other:1?platforms=%7B%7D")
        #expect(try rows(old) == ["Untagged other:1", "Deleted \(TestImage.digest(0x63))"])
    }

    @Test func `asked for by many at once is told once`() async throws {
        let fixture = try await EngineFixture.withFamily()
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { try await fixture.ask("DELETE", "/images/webapp:2.0").status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count(where: { $0 == 200 }) == 1)
        #expect(statuses.count(where: { $0 == 404 }) == 7)
    }
}
