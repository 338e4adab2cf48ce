import Catalogue
import OCI
import TestSupport
import Testing

@testable import EngineAPI

@Suite struct `The image list` {
    private func names(_ filters: String, version: String = "1.50") async throws -> [String] {
        let fixture = try await EngineFixture.withFamily()
        let encoded = filters.utf8.map { byte -> String in
            let hex = String(byte, radix: 16, uppercase: true)
            return "%" + (hex.count == 1 ? "0" : "") + hex
        }.joined()
        let answer = try await fixture.get("/v\(version)/images/json?filters=\(encoded)")
        try #require(answer.status == 200, "\(answer.text)")
        return try (answer.json.array ?? []).flatMap { $0["RepoTags"]?.array ?? [] }.compactMap(\.string)
    }

    @Test func `has dockerd's members in dockerd's order, newest build first`() async throws {
        let list = try #require(try await EngineFixture.withFamily().get("/v1.50/images/json").json.array)
        #expect(
            list.compactMap { $0["RepoTags"]?.array?.first?.string } == [
                "webapp:2.0", "worker:1.4", "registry.example.com:5000/team/proxy:1.27",
            ])
        let id = TestImage.digest(0x22)
        #expect(
            String(decoding: list[1].serialized(), as: UTF8.self)
                == "{\"Containers\":-1,\"Created\":1766188800,\"Id\":\"\(id)\","
                + "\"Labels\":{\"a\":\"<b>\",\"tier\":\"backend\"},\"ParentId\":\"\","
                + "\"Descriptor\":{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
                + "\"digest\":\"\(id)\",\"size\":0},\"RepoDigests\":[\"worker@\(id)\"],"
                + "\"RepoTags\":[\"worker:1.4\",\"worker:latest\"],\"SharedSize\":-1,\"Size\":132491369}")
        #expect(list[2]["Labels"] == .null)
    }

    @Test(arguments: [
        ("{\"reference\":{\"w*\":true}}", ["webapp:2.0", "worker:1.4", "worker:latest"]),
        ("{\"reference\":[\"worker:*\"]}", ["worker:1.4", "worker:latest"]),
        ("{\"reference\":[\"worker:l*\"]}", ["worker:latest"]), ("{\"reference\":[\"*/*\"]}", []),
        ("{\"reference\":[\"*/*/*\"]}", ["registry.example.com:5000/team/proxy:1.27"]),
        ("{\"reference\":[\"worker\",\"webapp\"]}", ["webapp:2.0", "worker:1.4", "worker:latest"]),
        ("{\"reference\":[\"WORKER\"]}", []),
        ("{\"label\":[\"tier\"]}", ["webapp:2.0", "worker:1.4", "worker:latest"]),
        ("{\"label\":[\"tier=backend\"]}", ["worker:1.4", "worker:latest"]),
        ("{\"label\":[\"tier=backend\",\"b\"]}", []), ("{\"label\":[\"tier=\"]}", []),
        ("{\"label!\":[\"tier\"]}", ["registry.example.com:5000/team/proxy:1.27"]),
        ("{\"before\":[\"worker:1.4\"]}", ["registry.example.com:5000/team/proxy:1.27"]),
        ("{\"since\":[\"worker\"]}", ["webapp:2.0"]),
        (
            "{\"before\":[\"webapp:2.0\"],\"since\":[\"registry.example.com:5000/team/proxy:1.27\"]}",
            ["worker:1.4", "worker:latest"]
        ),
        ("{\"dangling\":[\"true\"]}", []), ("{\"until\":[\"1h\"]}", []),
        (
            "{\"until\":[\"2026-01-02T03:04:06\"]}",
            ["webapp:2.0", "worker:1.4", "worker:latest", "registry.example.com:5000/team/proxy:1.27"]
        ),
        ("{\"reference\":[\"w*\"],\"label\":[\"tier=frontend\"]}", ["webapp:2.0"]),
    ])
    func `is filtered`(filters: String, expected: [String]) async throws {
        #expect(try await names(filters) == expected)
    }

    @Test func `loses the references that a reference filter hides`() async throws {
        let answer = try await EngineFixture.withFamily().get(
            "/images/json?filters=%7B%22reference%22%3A%5B%22worker%3Al%2A%22%5D%7D")
        let row = try #require(try answer.json.array?.first)
        #expect(row["RepoTags"] == ["worker:latest"])
        #expect(row["RepoDigests"] == [])
    }

    @Test(arguments: [
        ("%7B%22foo%22%3A%5B%22x%22%5D%7D", 400, "invalid filter 'foo'"), ("x", 400, "invalid filter"),
        ("%7B%22dangling%22%3A%5B%22maybe%22%5D%7D", 400, "invalid filter 'dangling=[maybe]'"),
        ("%7B%22before%22%3A%5B%22nope%22%5D%7D", 404, "No such image: nope:latest"),
        ("%7B%22until%22%3A%5B%22bogus%22%5D%7D", 400, "failed to parse value as time or duration: \"bogus\""),
        ("%7B%22reference%22%3A%5B%22%5B%22%5D%7D", 400, "syntax error in pattern \"[\""),
    ])
    func `refuses what is no filter`(filters: String, expected: Int, message: String) async throws {
        let answer = try await EngineFixture.withFamily().get("/v1.50/images/json?filters=" + filters)
        #expect(answer.status == expected)
        #expect(try answer.message == message)
    }

    @Test func `knows the one filter of old clients`() async throws {
        let fixture = try await EngineFixture.withFamily()
        #expect(try await fixture.get("/v1.24/images/json?filter=worker").json.array?.count == 1)
        #expect(try await fixture.get("/v1.41/images/json?filter=worker").json.array?.count == 3)
    }

    @Test(arguments: [("1.41", -1), ("1.42", 120_491_246)] as [(String, Int64)])
    func `counts what is shared when asked`(version: String, expected: Int64) async throws {
        let list = try await EngineFixture.withFamily().get("/v\(version)/images/json?shared-size=1").json.array
        #expect(list?.first?["SharedSize"]?.integer == expected)
    }

    @Test(arguments: [("1.24", true, false), ("1.43", true, false), ("1.44", false, false), ("1.48", false, true)])
    func `has the members of its version`(version: String, virtual: Bool, descriptor: Bool) async throws {
        let list = try await EngineFixture.withFamily().get("/v\(version)/images/json").json.array
        let row = try #require(list?.first)
        #expect(row["VirtualSize"]?.integer == (virtual ? 123_948_035 : nil))
        #expect((row["Descriptor"] != nil) == descriptor)
    }

    @Test func `counts holders from 1.51 on`() {
        let row = ImageRow(target: TestImage.layer(1, 1), holders: 2)
        #expect(row.json(ImageRow.Shape(.v1(50), holders: false, sharedSize: false))["Containers"] == -1)
        #expect(row.json(ImageRow.Shape(.v1(51), holders: true, sharedSize: false))["Containers"] == 2)
    }

    @Test(arguments: [(42, "<none>:<none>", "<none>@<none>"), (43, nil, nil)])
    func `names what has no name as old clients expect it`(minor: Int, tag: String?, digest: String?) {
        let shape = ImageRow.Shape(.v1(minor), holders: false, sharedSize: false)
        let row = ImageRow(target: TestImage.layer(1, 1)).json(shape)
        #expect(row["RepoTags"]?.array?.first?.string == tag)
        #expect(row["RepoDigests"]?.array?.first?.string == digest)
        #expect(row["Created"] == 0)
    }

    @Test(arguments: [(true, [false, true]), (false, [true, false])])
    func `tells images without tag from others`(dangling: Bool, expected: [Bool]) throws {
        var filter = try ImageFilter(Filters([]), now: testNow)
        filter.dangling = dangling
        let tagged = ImageRow(target: TestImage.layer(1, 1), tags: [try Reference(parsing: "a:1")])
        #expect([tagged, ImageRow(target: TestImage.layer(2, 1))].map { filter.apply(to: $0) != nil } == expected)
    }

    @Test func `takes the platform of a lone manifest from its config, as long as that is there`() async throws {
        let fixture = try await EngineFixture.withFamily()
        func platforms() async throws -> [String?] {
            let list = try await fixture.get("/v1.47/images/json?manifests=1").json.array ?? []
            return list.map { $0["Manifests"]?.array?.first?["ImageData"]?["Platform"]?["architecture"]?.string }
        }
        #expect(try await platforms() == ["amd64", "amd64", "amd64"])
        for blob in try await fixture.store.blobs() { try await fixture.store.remove(blob.digest) }
        #expect(try await platforms() == [nil, nil, nil])
    }

    @Test func `tells of each manifest when asked`() async throws {
        let fixture = try await EngineFixture()
        try await fixture.add(.multiPlatform)
        let answer = try await fixture.get("/v1.47/images/json?manifests=1")
        let manifests = try #require(try answer.json.array?.first?["Manifests"]?.array)
        #expect(manifests.map { $0["Kind"]?.string } == ["image", "image", "attestation"])
        #expect(manifests.map { $0["Available"]?.bool } == [true, false, true])
        #expect(manifests.map { $0["Size"]?["Content"]?.integer } == [3000, 0, 70])
        #expect(manifests[1]["ImageData"]?["Platform"]?["architecture"] == "arm64")
        #expect(manifests[2]["AttestationData"]?["For"]?.string == TestImage.digest(0x51).description)
        #expect(try await fixture.get("/v1.46/images/json?manifests=1").json.array?.first?["Manifests"] == nil)
    }
}

extension TestImage {
    /// An index: amd64 is here, arm64 is not, and an attestation of the first is.
    static var multiPlatform: TestImage {
        let config = """
            {"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]},"history":[]}
            """
        func variant(_ number: UInt8, _ platform: Platform, _ layers: [Descriptor]) -> Variant {
            Variant(digest: digest(number), platform: platform, layers: layers)
        }
        var here = variant(0x51, Platform(os: "linux", architecture: "amd64"), [layer(0x61, 1000), layer(0x62, 2000)])
        here.config = Array(config.utf8)
        var away = variant(0x52, Platform(os: "linux", architecture: "arm64", variant: "v8"), [layer(0x63, 500)])
        away.available = false
        var witness = variant(0x53, Platform(os: "unknown", architecture: "unknown"), [layer(0x64, 70)])
        witness.kind = .attestation
        let target = Descriptor(mediaType: .ociIndex, digest: digest(0x50), size: 0)
        return TestImage(target: target, variants: [here, away, witness], names: ["multi:1"])
    }
}
