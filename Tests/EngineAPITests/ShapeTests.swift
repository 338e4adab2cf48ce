import OCI
import Pulling
import Testing
import TestSupport

@testable import EngineAPI

/// Every place of a JSON value that holds something, with the kind of what it holds; places of arrays are one.
private func places(_ json: JSON, at path: String = "") -> Set<String> {
    switch json {
    case .object(let members):
        members.reduce(into: ["\(path){}"]) { $0.formUnion(places($1.value, at: "\(path).\($1.key)")) }
    case .array(let elements): elements.reduce(into: ["\(path)[]"]) { $0.formUnion(places($1, at: "\(path)[]")) }
    case .string: ["\(path) text"]
    case .bool: ["\(path) yes or no"]
    case .null: []
    default: ["\(path) number"]
    }
}

@Suite(.enabled(if: CorpusFiles.isPresent(), Comment(rawValue: CorpusFiles.absence)))
struct `Answers have the members that dockerd's have, of the same kinds:` {
    /// What one image has and another has not, and what names the driver.
    private static let free = [
        ".Labels", ".Config.", ".GraphDriver.Data", ".Descriptor.annotations", ".Manifests", ".Details.", ".variant",
        ".Components", ".Comment", ".BuildTime", ".Attributes.",
    ]

    private static func recorded() throws -> [String: JSON] {
        var bodies: [String: JSON] = [:]
        for record in try CorpusFiles.lines("reference/engine-api/real/containerd-28.2.2.jsonl") {
            guard let step = record["step"]?.string, let body = record["body"]?.string, bodies[step] == nil else {
                continue
            }
            let line = body.split(separator: "\n").first ?? ""
            if let json = try? JSON(parsing: Array(line.utf8)) { bodies[step] = json }
        }
        return bodies
    }

    @Test(arguments: [
        ("version", "/v1.50/version"), ("df.empty", "/v1.50/system/df"), ("df.three", "/v1.50/system/df"),
        ("df.type=container,volume", "/v1.50/system/df?type=container&type=volume"), ("images", "/v1.50/images/json"),
        ("images.shared-size", "/v1.50/images/json?shared-size=1"), ("inspect", "/v1.50/images/worker:1.4/json"),
        ("images.manifests", "/v1.50/images/json?manifests=1"), ("history", "/v1.50/images/worker:1.4/history"),
        ("events", "/v1.50/events?until=\(testNow.seconds)"), ("df.type=bad", "/v1.50/system/df?type=foo"),
        ("inspect.missing", "/v1.50/images/nope/json"),
    ])
    func `of`(step: String, target: String) async throws {
        let fixture = step == "df.empty" ? try await EngineFixture() : try await EngineFixture.withFamily()
        let reference = try Reference(parsing: "worker:1.4")
        fixture.events.post(.untagged(TestImage.digest(0x22), from: reference, labels: [:]))
        let answer = try await fixture.get(target)
        let line = Array((answer.text.split(separator: "\n").first ?? "").utf8)
        let theirs = try #require(try Self.recorded()[step])
        func counted(_ json: JSON) -> Set<String> {
            places(json).filter { place in !Self.free.contains { place.contains($0) } }
        }
        let (mine, real) = (counted(try JSON(parsing: line)), counted(theirs))
        #expect(real.subtracting(mine) == [], "missing")
        #expect(mine.subtracting(real) == [], "too many")
    }

    @Test(arguments: [24, 40, 41, 43, 44, 45, 47, 48, 49, 50])
    func `with what each version has`(minor: Int) async throws {
        let fixture = try await EngineFixture.withFamily()
        func keys(_ target: String) async throws -> Set<String> {
            let json = try await fixture.get("/v1.\(minor)\(target)").json
            return Set((json.array?.first ?? json["Images"]?.array?.first ?? json).members?.map(\.key) ?? [])
        }
        let list = try await keys("/images/json?manifests=1")
        let (usage, inspected) = (try await keys("/system/df"), try await keys("/images/worker/json?manifests=1"))
        for keys in [list, usage, inspected] {
            #expect(keys.contains("VirtualSize") == (minor < 44))
            #expect(keys.contains("Descriptor") == (minor >= 48))
            #expect(keys.contains("Size"))
        }
        #expect(list.contains("Manifests") == (minor >= 47))
        #expect(inspected.contains("Manifests") == (minor >= 48))
        #expect(inspected.contains("Container") == (minor < 45))
        let config = try await fixture.get("/v1.\(minor)/images/worker/json").json["Config"]
        #expect((config?["Hostname"] != nil) == (minor < 50))
        let partial = try await fixture.get("/v1.\(minor)/system/df?type=volume").json
        #expect((partial["Images"] == .null) == (minor >= 42))
        let shared = try await fixture.get("/v1.\(minor)/images/json?shared-size=1").json.array?.first
        #expect((shared?["SharedSize"] == -1) == (minor < 42))
        let legacy = try await fixture.get("/v1.\(minor)/images/json?filter=webapp").json.array
        #expect(legacy?.count == (minor < 41 ? 1 : 3))
    }
}
