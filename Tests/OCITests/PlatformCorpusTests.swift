import TestSupport
import Testing

@testable import OCI

@Suite(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
struct `Platforms agree with the corpus in` {
    @Test func `what a specifier means`() throws {
        for row in try CorpusFiles.cases("platform-parse") {
            let text = try #require(row["input"]?.string)
            let platform = try? Platform(parsing: text)
            // The table reads wildcards; containerd's library refuses them since, and they name nothing to pull.
            guard !text.contains("*"), let expected = row["expected"]?["platform"] else {
                #expect(platform == nil, "\(text)")
                continue
            }
            #expect(platform == (try Platform(expected, in: "table")), "\(text)")
            #expect(platform?.description == row["expected"]?["formatted"]?.string, "\(text)")
        }
        for row in try CorpusFiles.cases("platform-format") {
            let input = try #require(row["input"])
            let platform = try Platform(input, in: "table")
            #expect(platform?.description == row["expected"]?.string)
            #expect(try platform.map { try Platform(parsing: $0.description) } == platform)
        }
    }

    @Test func `what docker reads, and how it refuses`() throws {
        let host = Platform(os: "linux", architecture: "amd64")
        for row in try CorpusFiles.lines("reference/engine-api/vectors/platform_parse.jsonl") {
            let text = try #require(row["in"]?.string)
            guard let formatted = row["format"]?.string else {
                let error = #expect(throws: OCIError.self, "\(text)") { try Platform(parsing: text, host: host) }
                #expect(error?.description == row["err"]?.string)
                continue
            }
            let platform = try Platform(parsing: text, host: host)
            #expect(platform.description == formatted)
            #expect(String(decoding: platform.json.serialized(), as: UTF8.self) == row["json"]?.string)
        }
    }

    @Test(arguments: [("platform-match-compatible", false), ("platform-match-strict", true)])
    func `what runs on what`(table: String, strict: Bool) throws {
        for row in try CorpusFiles.cases(table) {
            let matches = try matcher(of: row, strict: strict).rank(try platform("candidate", of: row)) != nil
            #expect(matches == row["expected"]?.bool, "\(row)")
        }
    }

    @Test func `what systems match`() throws {
        for row in try CorpusFiles.cases("platform-match-os") {
            let matches = try matcher(of: row, strict: true).acceptsSystem(of: try platform("candidate", of: row))
            #expect(matches == row["expected"]?.bool, "\(row)")
        }
    }

    @Test func `which candidate comes first`() throws {
        for row in try CorpusFiles.cases("platform-order") {
            let matcher = try matcher(of: row, strict: false)
            let candidates = try #require(row["input"]?["candidates"]?.array).compactMap(\.string)
            let ranked = try candidates.enumerated().compactMap { place, text in
                matcher.rank(try Platform(parsing: text)).map { (rank: $0, place: place, text: text) }
            }
            let order = ranked.sorted { ($0.rank, $0.place) < ($1.rank, $1.place) }.map(\.text)
            // The table also orders what does not match, by rules that decide nothing for a puller; and its rule for
            // systems alone ranks architectures that do not run.
            let expected = try #require(row["expected"]?.array).compactMap(\.string)
            #expect(order.first == expected.first, "\(row)")
        }
    }

    @Test func `which Windows build runs which`() throws {
        for row in try CorpusFiles.cases("platform-windows-build") {
            let builds = ["host_build", "container_build"].compactMap { row["input"]?[$0]?.integer }
            let platforms = builds.map { Platform(os: "windows", architecture: "amd64", osVersion: "10.0.\($0).1") }
            let matches = PlatformMatcher(platforms[0]).rank(platforms[1]) != nil
            #expect(matches == row["expected"]?.bool, "\(builds)")
        }
        for row in try CorpusFiles.cases("platform-windows-select") {
            let host = try #require(row["input"]?["host"])
            let wanted = try #require(try Platform(host, in: "table"))
            let entries = try #require(row["input"]?["index"]?.array).map { platform in
                Descriptor(
                    mediaType: .dockerManifest, digest: Digest(.sha256, bytes: repeatElement(0, count: 32)), size: 1,
                    platform: try Platform(platform, in: "table"))
            }
            let selected = try #require(row["expected"])
            let expected = try Platform(selected, in: "table")
            #expect(Index(manifests: entries).candidates(for: wanted).first?.platform == expected)
        }
    }

    @Test func `the normal form and the subset rule of an independent implementation`() throws {
        // Its "satisfies" is exact on os.version everywhere, knows the never-specified "features" and lets a variant
        // satisfy the lack of one; its "oci-match" is of annotations; "compare" lets darwin and Windows run linux. What
        // remains is linux on linux.
        for row in try CorpusFiles.cases("platform-second-opinion") {
            guard let rule = row["input"]?["rule"]?.string, rule == "compare",
                let host = try row["input"]?["host"].flatMap({ try Platform($0, in: "table") }),
                let target = try row["input"]?["target"].flatMap({ try Platform($0, in: "table") }),
                host.os == "linux", target.os == "linux"
            else { continue }
            let matches = PlatformMatcher(host).rank(target) != nil
            #expect(matches == row["expected"]?["compatible"]?.bool, "\(row)")
        }
    }

    private func platform(_ key: String, of row: JSON) throws -> Platform {
        let text = try #require(row["input"]?[key]?.string)
        return try Platform(parsing: text)
    }

    private func matcher(of row: JSON, strict: Bool) throws -> PlatformMatcher {
        PlatformMatcher(try platform("wanted", of: row), strict: strict)
    }
}
