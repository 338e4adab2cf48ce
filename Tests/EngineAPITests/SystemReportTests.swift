import OCI
import Testing

@testable import EngineAPI

@Suite struct `What the daemon says of itself` {
    @Test func `is a version that clients can read one number from`() async throws {
        let version = try await EngineFixture().get("/v1.50/version").json
        let text = try #require(version["Version"]?.string)
        #expect(text.matches(of: /\d+\.\d+\.\d+/).map { String($0.output) } == ["28.2.2"])
        #expect(version["ApiVersion"] == "1.50")
        #expect(version["MinAPIVersion"] == "1.24")
        #expect(version["GoVersion"]?.string?.isEmpty == false)
        #expect(version["Platform"] == ["Name": "layerd"])
    }

    @Test func `names layerd's own version among the components`() async throws {
        let components = try await EngineFixture().get("/version").json["Components"]?.array
        #expect(components?.map { $0["Name"] } == ["Engine", "layerd"])
        #expect(components?.last?["Version"] == "0.1.0")
        let details = try #require(components?.first?["Details"]?.members)
        #expect(details.allSatisfy { $0.value.string != nil })
    }

    @Test func `counts images and names the driver`() async throws {
        let info = try await EngineFixture.withFamily().get("/v1.50/info").json
        #expect(info["Images"] == 3)
        #expect(info["Driver"] == "layerd")
        #expect(info["ServerVersion"]?.string == "28.2.2+layerd")
        #expect(info["Swarm"]?["LocalNodeState"] == "inactive")
        #expect(info["DockerRootDir"] == "/var/lib/layerd")
        #expect(info["MemTotal"] == 25_165_824_000)
        #expect(info["SystemTime"]?.string == testNow.description)
        #expect(info["Warnings"] == .null)
        let status = try #require(info["DriverStatus"]?.array)
        #expect(status.contains(["layerd Version", "0.1.0"]))
        #expect(status.contains(["Content Store", "/var/lib/layerd/store"]))
        #expect(status.allSatisfy { $0.array?.count == 2 })
    }

    @Test func `names mirrors and registries without TLS`() async throws {
        let config = try await EngineFixture().get("/info").json["RegistryConfig"]
        #expect(config?["Mirrors"] == ["https://mirror.example.com"])
        #expect(config?["IndexConfigs"]?["docker.io"]?["Secure"] == true)
        #expect(config?["IndexConfigs"]?["registry.example.com:5000"]?["Secure"] == false)
    }

    @Test func `knows the machine it runs on`() {
        let machine = MachineFacts.read()
        #expect(machine.processors > 0)
        #expect(machine.memory > 1 << 20)
        #expect(!machine.kernelVersion.isEmpty)
        #expect(!machine.hostName.isEmpty)
    }

    @Test func `reads an os-release file`() {
        let release = MachineFacts.osRelease("NAME=Debian\nPRETTY_NAME=\"Debian 12 (x)\"\nVERSION_ID='12'\nbroken\nA=")
        #expect(release == ["NAME": "Debian", "PRETTY_NAME": "Debian 12 (x)", "VERSION_ID": "12", "A": ""])
    }
}
