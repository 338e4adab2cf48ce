import Catalogue
import Hashing
import OCI
import Pulling
import Storage
import TestSupport
import Testing

@testable import EngineAPI

@Suite struct `Pruning images` {
    private struct Report {
        var untagged: [String], deleted: [String], bytes: Int64?

        init(_ answer: EngineFixture.Answer) throws {
            let rows = try answer.json["ImagesDeleted"]?.array ?? []
            untagged = rows.compactMap { $0["Untagged"]?.string }
            deleted = rows.compactMap { $0["Deleted"]?.string }
            bytes = try answer.json["SpaceReclaimed"]?.integer
        }
    }

    private func prune(_ fixture: EngineFixture, _ filters: String? = nil) async throws -> EngineFixture.Answer {
        let query = filters.map { "?filters=\(percentEncoded($0))" } ?? ""
        return try await fixture.ask("POST", "/v1.50/images/prune\(query)")
    }

    private func stored(_ fixture: EngineFixture, _ text: String) async throws -> Bool {
        try await fixture.store.size(of: .sha256(of: Array(text.utf8))) != nil
    }

    private func scene() async throws -> EngineFixture { try await EngineFixture.withStoredScene() }

    @Test func `takes what has no name, and the bytes are those of the files`() async throws {
        let fixture = try await scene()
        let config = try await configSize(fixture, 3)
        let report = try Report(try await prune(fixture))
        #expect(report.untagged == [])
        #expect(report.deleted.first == "\(TestImage.digest(3))")
        #expect(report.deleted.contains("\(Digest.sha256(of: Array("nobody's".utf8)))"))
        #expect(report.bytes == 8 + config)
        #expect(try await stored(fixture, "nobody's") == false)
        let nothing = try await prune(fixture)
        #expect(nothing.text == "{\"ImagesDeleted\":null,\"SpaceReclaimed\":0}\n")
    }

    private func configSize(_ fixture: EngineFixture, _ number: UInt8) async throws -> Int64 {
        let manifests = try await fixture.catalogue.manifests(of: TestImage.digest(number))
        return try await fixture.store.size(of: try #require(manifests.first?.config).digest) ?? 0
    }

    @Test func `of all that is unused spares what is pinned or read, and shared layers with it`() async throws {
        let fixture = try await scene()
        _ = try await fixture.collector.pin("one:1")
        let config = try await configSize(fixture, 2)
        let reading = fixture.catalogue.reading(TestImage.digest(3))
        let report = try Report(try await prune(fixture, #"{"dangling":{"false":true}}"#))
        #expect(report.untagged == ["two:1", "two:2"])
        #expect(report.deleted.first == "\(TestImage.digest(2))")
        #expect(report.bytes == 9 + config)
        #expect(try await stored(fixture, "the shared base"))
        #expect(try await stored(fixture, "only two!") == false)
        reading.end()
        let actions = fixture.events.subscribe().history.map(\.words.action)
        #expect(actions == ["untag", "untag", "delete", "prune"])
        #expect(await fixture.projected.names == ["one:1"])
    }

    @Test(arguments: [
        (#"{"dangling":["false"],"label":["keep"]}"#, [1]), (#"{"dangling":["false"],"label!":["keep=yes"]}"#, [2, 3]),
        (#"{"dangling":["false"],"until":["2020-01-01"]}"#, []), (#"{"dangling":["0"],"until":["0s"]}"#, []),
        (#"{"dangling":["0"],"until":["2030-01-01T00:00:00Z"]}"#, [1, 2, 3]), (#"{"dangling":["true"]}"#, [3]),
    ])
    func `takes what the filters leave`(filters: String, expected: [UInt8]) async throws {
        let fixture = try await scene()
        #expect(try await prune(fixture, filters).status == 200)
        let left = try await fixture.catalogue.images().map(\.id)
        let gone = [1, 2, 3].filter { !left.contains(TestImage.digest($0)) }
        #expect(gone == expected)
    }

    @Test(arguments: [
        (#"{"reference":["x"]}"#, "invalid filter 'reference'"),
        (#"{"dangling":["maybe"]}"#, "invalid filter 'dangling=[maybe]'"),
        ("{", "invalid filter"), (#"{"until":["bogus"]}"#, "failed to parse value as time or duration: \"bogus\""),
    ])
    func `refuses filters that make no sense, and takes nothing`(filters: String, message: String) async throws {
        let fixture = try await scene()
        let answer = try await prune(fixture, filters)
        #expect(answer.status == 400)
        #expect(try answer.message == message)
        #expect(try await fixture.catalogue.images().count == 3)
    }

    @Test func `lets one run at a time`() async throws {
        let fixture = try await scene()
        #expect(fixture.routes.context.pruning.begin())
        let second = try await prune(fixture)
        #expect(second.status == 409)
        #expect(try second.message == "a prune operation is already running")
        fixture.routes.context.pruning.end()
        #expect(try await prune(fixture).status == 200)
    }
}

extension EngineFixture {
    /// An image whose blobs are in the store, so that it can be seen what goes.
    func addStored(_ number: UInt8, _ names: [String], layers: [String]) async throws {
        let descriptors = layers.map { text in
            Descriptor(mediaType: .ociLayerGzip, digest: .sha256(of: Array(text.utf8)), size: Int64(text.utf8.count))
        }
        for (text, layer) in zip(layers, descriptors) {
            try await store.ingest(layer) { writer in try writer.append(Array(text.utf8).span.bytes) }
        }
        try await add(.single(number, names, layers: descriptors, labels: number == 1 ? [("keep", "yes")] : []))
    }

    /// Two images that share a layer, one of them with two tags, and one without names.
    static func withStoredScene() async throws -> EngineFixture {
        let fixture = try await EngineFixture()
        try await fixture.addStored(1, ["one:1"], layers: ["the shared base", "only one"])
        try await fixture.addStored(2, ["two:1", "two:2"], layers: ["the shared base", "only two!"])
        try await fixture.addStored(3, [], layers: ["nobody's"])
        return fixture
    }
}
