import OCI
import Testing

@testable import EngineAPI

@Suite struct `The history of an image` {
    @Test func `goes back from the newest step, with the sizes of the layers`() async throws {
        let answer = try await EngineFixture.withFamily().get("/v1.50/images/worker:1.4/history")
        let id = TestImage.digest(0x22)
        #expect(
            try answer.json == [
                [
                    "Comment": "last", "Created": 0, "CreatedBy": "COPY app", "Id": .string(id.description),
                    "Size": 12_000_123, "Tags": ["worker:1.4", "worker:latest"],
                ],
                [
                    "Comment": "", "Created": 1_762_041_600, "CreatedBy": "RUN one && two", "Id": "<missing>",
                    "Size": 45_678_901, "Tags": .null,
                ],
                [
                    "Comment": "", "Created": 1_761_955_200, "CreatedBy": "ENV A=b", "Id": "<missing>", "Size": 0,
                    "Tags": .null,
                ],
                [
                    "Comment": "first", "Created": 1_759_276_800, "CreatedBy": "base", "Id": "<missing>",
                    "Size": 74_812_345, "Tags": .null,
                ],
            ])
    }

    @Test func `is empty when the config has none`() async throws {
        #expect(try await EngineFixture.withFamily().get("/images/webapp:2.0/history").text == "[]\n")
    }

    @Test func `fails when it tells of more layers than there are`() async throws {
        let fixture = try await EngineFixture()
        let step = "{\"created_by\":\"a\"}"
        try await fixture.add(
            .single(0x44, ["bad:1"], layers: [TestImage.layer(1, 1)], history: "[\(step),\(step)]"))
        let answer = try await fixture.get("/images/bad:1/history")
        #expect(answer.status == 500)
        #expect(try answer.message == "too many non-empty layers in History section of bad:1")
    }

    @Test func `counts a layer as often as it occurs`() async throws {
        let fixture = try await EngineFixture()
        let (layer, step) = (TestImage.layer(1, 7), "{\"created_by\":\"a\"}")
        try await fixture.add(.single(0x44, ["twice:1"], layers: [layer, layer], history: "[\(step),\(step)]"))
        let rows = try await fixture.get("/images/twice:1/history").json.array
        #expect(rows?.map { $0["Size"]?.integer } == [7, 7])
        #expect(try await fixture.get("/images/json").json.array?.first?["Size"] == 7)
    }
}

@Suite struct `Disk usage` {
    @Test func `adds up what is shared once`() async throws {
        let usage = try await EngineFixture.withFamily().get("/v1.50/system/df").json
        #expect(usage.members?.map(\.key) == ["LayersSize", "Images", "Containers", "Volumes", "BuildCache"])
        #expect(usage["LayersSize"] == 145_824_701)
        let images = try #require(usage["Images"]?.array)
        #expect(images.map { $0["Size"]?.integer } == [123_948_035, 132_491_369, 84_688_888])
        #expect(images.map { $0["SharedSize"]?.integer } == [120_491_246, 120_491_246, 74_812_345])
        #expect(images.map { $0["Containers"]?.integer } == [0, 0, 0])
        #expect(usage["BuildCache"] == [])
    }

    @Test(arguments: [
        ("1.50", "type=image", [true, false, false, false]),
        ("1.50", "type=volume&type=build-cache", [false, false, true, true]),
        ("1.41", "type=volume", [true, true, true, true]), ("1.50", "verbose=1", [true, true, true, true]),
    ])
    func `tells of the kinds asked for`(version: String, query: String, expected: [Bool]) async throws {
        let usage = try await EngineFixture.withFamily().get("/v\(version)/system/df?\(query)").json
        #expect(["Images", "Containers", "Volumes", "BuildCache"].map { usage[$0]?.array != nil } == expected)
        #expect((usage["LayersSize"] == 0) == !expected[0])
    }

    @Test(arguments: ["type=foo", "type=", "type=image&type=bar"])
    func `refuses other kinds`(query: String) async throws {
        let answer = try await EngineFixture().get("/v1.50/system/df?\(query)")
        #expect(answer.status == 400)
        #expect(try answer.message?.hasPrefix("unknown object type: ") == true)
    }

    @Test(arguments: [("1.43", 84_688_888), ("1.44", nil)] as [(String, Int64?)])
    func `tells old clients the virtual size`(version: String, expected: Int64?) async throws {
        let usage = try await EngineFixture.withFamily().get("/v\(version)/system/df").json
        #expect(usage["Images"]?.array?.last?["VirtualSize"]?.integer == expected)
    }

    @Test func `is nothing in an empty store`() async throws {
        let answer = try await EngineFixture().get("/v1.50/system/df")
        #expect(
            answer.text == "{\"LayersSize\":0,\"Images\":[],\"Containers\":[],\"Volumes\":[],\"BuildCache\":[]}\n")
    }
}
