import Catalogue
import OCI
import TestSupport
import Testing

@testable import EngineAPI

@Suite struct `Inspecting an image` {
    @Test func `lists its manifests from 1.48 on, but not beside a platform`() async throws {
        let fixture = try await EngineFixture()
        try await fixture.add(.multiPlatform)
        let name = try #require(TestImage.multiPlatform.names.first)
        let listed = try await fixture.get("/v1.48/images/\(name)/json?manifests=1").json
        #expect(listed.members?.last?.key == "Manifests")
        #expect((listed["Manifests"]?.array?.count ?? 0) > 1)
        for target in ["/v1.47/images/\(name)/json?manifests=1", "/v1.50/images/\(name)/json?manifests=0"] {
            #expect(try await fixture.get(target).json["Manifests"] == nil)
        }
        let platform = percentEncoded(#"{"os":"linux","architecture":"amd64"}"#)
        let both = try await fixture.get("/v1.49/images/\(name)/json?manifests=1&platform=\(platform)")
        #expect(both.status == 400)
        #expect(
            try both.message == "conflicting options: manifests and platform options cannot both be set")
    }

    private func inspect(_ name: String, version: String = "1.50", query: String = "") async throws -> JSON {
        let answer = try await EngineFixture.withFamily().get("/v\(version)/images/\(name)/json\(query)")
        try #require(answer.status == 200, "\(answer.text)")
        return try answer.json
    }

    @Test func `shows dockerd's members in dockerd's order`() async throws {
        let image = try await inspect("worker:1.4")
        #expect(
            image.members?.map(\.key) == [
                "Id", "RepoTags", "RepoDigests", "Parent", "Comment", "Created", "DockerVersion", "Author", "Config",
                "Architecture", "Os", "Size", "GraphDriver", "RootFS", "Metadata", "Descriptor",
            ])
        #expect(image["Id"]?.string == TestImage.digest(0x22).description)
        #expect(image["RepoTags"] == ["worker:1.4", "worker:latest"])
        #expect(image["Comment"] == "last")
        #expect(image["Created"] == "2025-12-20T00:00:00.5Z")
        #expect(image["Architecture"] == "amd64")
        #expect(image["Size"] == 132_491_369)
        #expect(image["GraphDriver"]?["Name"] == "layerd")
        #expect(image["RootFS"]?["Type"] == "layers")
        #expect(image["RootFS"]?["Layers"]?.array?.count == 3)
        #expect(image["Metadata"]?["LastTagTime"]?.string == testNow.description)
    }

    @Test func `shows what of the config is set, in order`() async throws {
        let config = try await inspect("worker:1.4")["Config"]
        #expect(
            config == [
                "Cmd": ["run"], "WorkingDir": "/app", "Labels": ["a": "<b>", "tier": "backend"],
            ])
        #expect(try await inspect("webapp:2.0")["Config"] == .object([]))
    }

    @Test func `fills the config up for versions before 1.50`() async throws {
        let config = try #require(try await inspect("worker:1.4", version: "1.49")["Config"])
        #expect(
            config.members?.map(\.key) == [
                "Hostname", "Domainname", "User", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin",
                "StdinOnce", "Env", "Cmd", "Image", "Volumes", "WorkingDir", "Entrypoint", "OnBuild", "Labels",
            ])
        #expect(config["Tty"] == false)
        #expect(config["Env"] == .null)
        #expect(config["Cmd"] == ["run"])
    }

    @Test(arguments: [
        ("1.43", true, true, false), ("1.44", false, true, false), ("1.45", false, false, false),
        ("1.48", false, false, true),
    ])
    func `has the members of its version`(
        version: String, virtual: Bool, container: Bool, descriptor: Bool
    ) async throws {
        let image = try await inspect("worker", version: version)
        #expect((image["VirtualSize"] != nil) == virtual)
        #expect((image["ContainerConfig"] != nil) == container)
        #expect((image["Container"] != nil) == container)
        #expect((image["Descriptor"] != nil) == descriptor)
    }

    @Test(arguments: [("1.43", "0001-01-01T00:00:00Z"), ("1.44", nil)])
    func `does not know every build date`(version: String, expected: String?) async throws {
        let fixture = try await EngineFixture()
        try await fixture.add(.single(0x44, ["old:1"], layers: []))
        #expect(try await fixture.get("/v\(version)/images/old:1/json").json["Created"]?.string == expected)
    }

    @Test func `finds it by every kind of name`() async throws {
        let id = TestImage.digest(0x22)
        for name in [
            "worker", "worker:latest", id.description, id.hex, id.short, "worker%40\(id)",
            "docker.io/library/worker:1.4",
        ] {
            #expect(try await inspect(name)["Id"]?.string == id.description)
        }
    }

    @Test(arguments: [
        ("nope", 404, "No such image: nope:latest"), ("529dc310494e", 404, "No such image: 529dc310494e:latest"),
    ])
    func `is refused in docker's words`(name: String, expected: Int, message: String) async throws {
        let answer = try await EngineFixture.withFamily().get("/v1.50/images/\(name)/json")
        #expect(answer.status == expected)
        #expect(try answer.message == message)
    }

    @Test func `is refused when the name is none`() async throws {
        let answer = try await EngineFixture.withFamily().get("/v1.50/images/UPPER/json")
        #expect(answer.status == 400)
        #expect(try answer.message?.hasPrefix("invalid reference format") == true)
    }

    @Test func `asks for a platform that is not here in vain`() async throws {
        let arm = "?platform=%7B%22architecture%22%3A%22arm64%22%2C%22os%22%3A%22linux%22%7D"
        let fixture = try await EngineFixture.withFamily()
        let answer = try await fixture.get("/v1.50/images/worker:1.4/json" + arm)
        #expect(answer.status == 404)
        #expect(try answer.message?.contains("was found but does not match the specified platform") == true)
        #expect(try await fixture.get("/v1.48/images/worker:1.4/json" + arm).status == 200)
        #expect(try await fixture.get("/v1.50/images/worker:1.4/json?platform=linux").status == 400)
    }

    @Test func `answers from the platform asked for`() async throws {
        let amd = "?platform=%7B%22architecture%22%3A%22amd64%22%2C%22os%22%3A%22linux%22%7D"
        #expect(try await inspect("worker", query: amd)["Architecture"] == "amd64")
    }

    @Test func `shows of an artifact what there is`() async throws {
        let fixture = try await EngineFixture()
        var chart = try TestImage.single(0x66, ["chart:1"], layers: [TestImage.layer(0x67, 500)])
        chart.variants[0].config = Array("{\"name\":\"chart\"}".utf8)
        chart.variants[0].configType = MediaType("application/vnd.cncf.helm.config.v1+json")
        chart.variants[0].platform = nil
        chart.variants[0].kind = .unknown
        try await fixture.add(chart)
        let report = try await fixture.get("/v1.50/images/chart:1/json")
        #expect(report.status == 200)
        #expect(try report.json["Config"] == .object([]))
        #expect(try report.json["Size"] == 500)
        #expect(try await fixture.get("/v1.50/images/chart:1/history").text == "[]\n")
        #expect(try await fixture.get("/v1.50/images/json").json.array?.count == 1)
        #expect(try await fixture.get("/v1.50/system/df").json["LayersSize"] == 500)
    }

    @Test func `takes the store's loss of a config for its own failure`() async throws {
        let fixture = try await EngineFixture()
        try await fixture.add(.single(0x44, ["old:1"], layers: []))
        for blob in try await fixture.store.blobs() { try await fixture.store.remove(blob.digest) }
        let answer = try await fixture.get("/v1.50/images/old:1/json")
        #expect(answer.status == 500)
        #expect(try answer.message?.contains("pull the image again") == true)
    }
}

@Suite struct `The manifest that answers for an image` {
    private let arm = Platform(os: "linux", architecture: "arm64")
    private let windows = Platform(os: "windows", architecture: "amd64")

    @Test func `is the host's, or else the first one`() {
        #expect(preferred([windows, Platform.host, arm], wanted: nil) == 1)
        #expect(preferred([windows, nil], wanted: nil) == 0)
        #expect(preferred([], wanted: nil) == nil)
    }

    @Test func `is the one asked for, or none`() {
        #expect(preferred([windows, arm], wanted: arm) == 1)
        #expect(preferred([windows, nil], wanted: arm) == nil)
    }
}
