import OCI
import Testing
import TestSupport

@testable import EngineAPI

/// What monitoring agents ask of an engine before they accept it, written after their source.
@Suite struct `Monitoring agents` {
    @Test func `of the kind of cAdvisor accept the daemon`() async throws {
        let fixture = try await EngineFixture.withFamily()
        // ValidateInfo: a driver, and one version of at least 1.0.0 in the text.
        for target in ["/v1.24/info", "/v1.44/info", "/info"] {
            let info = try await fixture.get(target).json
            #expect(info["Driver"]?.string?.isEmpty == false)
            let versions = try #require(info["ServerVersion"]?.string).matches(of: /(\d+)\.(\d+)\.(\d+)/)
            #expect(versions.count == 1)
            #expect(try #require(Int(versions[0].1)) >= 1)
            #expect(info["Containers"] == 0 && info["Images"] == 3)
            #expect(
                info["DriverStatus"]?.array?.allSatisfy { $0.array?.allSatisfy { $0.string != nil } == true } == true)
        }
        let version = try await fixture.get("/version").json
        #expect(version["ApiVersion"]?.string == "1.50" && version["KernelVersion"]?.string == "6.1.0")
        for image in try #require(try await fixture.get("/images/json").json.array) {
            for key in ["Created", "Size", "SharedSize", "Containers"] { #expect(image[key]?.integer != nil) }
            for key in ["RepoTags", "RepoDigests"] { #expect(image[key]?.array != nil) }
        }
    }

    @Test func `of the kind of Telegraf find figures`() async throws {
        let fixture = try await EngineFixture.withFamily()
        let info = try await fixture.get("/v1.24/info").json
        for key in [
            "NCPU", "Containers", "ContainersRunning", "ContainersStopped", "ContainersPaused", "Images", "NGoroutines",
            "NFd", "NEventsListener", "MemTotal",
        ] {
            #expect(info[key]?.integer != nil, "\(key)")
        }
        // Keys with underscores are read as sizes by this pattern, and left out where they are none.
        let used = info["DriverStatus"]?.array?.first { $0.array?.first == "Data Space Used" }?.array?.last?.string
        let size = try #require(used).wholeMatch(of: /(\d+(?:\.\d+)*) ?([kKmMgGtTpP])?[bB]?/)
        #expect(size?.1 == "145824701")
        let filters = percentEncoded(#"{"status":{"running":true},"label":{"x":true},"unheard-of":{"y":true}}"#)
        #expect(try await fixture.get("/v1.24/containers/json?all=1&filters=\(filters)").text == "[]\n")
        let usage = try await fixture.get("/v1.42/system/df?type=image").json
        #expect(usage["LayersSize"] == 145_824_701)
    }
}
