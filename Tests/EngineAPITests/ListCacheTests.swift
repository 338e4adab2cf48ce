import Catalogue
import OCI
import Pulling
import Testing

@testable import EngineAPI

@Suite struct `Lists that were written before` {
    private func both(_ fixture: EngineFixture) async throws -> (images: Int?, holders: [Int64]) {
        let usage = try await fixture.get("/v1.50/system/df").json["Images"]?.array
        let list = try await fixture.get("/v1.50/images/json").json.array
        #expect(usage?.map { $0["Id"] } == list?.map { $0["Id"] })
        return (list?.count, usage?.compactMap { $0["Containers"]?.integer } ?? [])
    }

    @Test func `are new after every change that they show`() async throws {
        let fixture = try await EngineFixture.withFamily()
        #expect(try await both(fixture) == (3, [0, 0, 0]))
        #expect(try await both(fixture) == (3, [0, 0, 0]))
        let reading = fixture.catalogue.reading(TestImage.digest(0x11))
        #expect(try await both(fixture) == (3, [1, 0, 0]))
        reading.end()
        #expect(try await both(fixture) == (3, [0, 0, 0]))
        _ = try await fixture.collector.pin("worker:1.4")
        #expect(try await both(fixture) == (3, [0, 1, 0]))
        _ = try await fixture.ask("DELETE", "/images/webapp:2.0")
        #expect(try await both(fixture) == (2, [1, 0]))
        try await fixture.add(.single(0x44, ["new:1"], layers: []))
        #expect(try await both(fixture) == (3, [1, 0, 0]))
    }

    @Test func `are not those of another version or of other parameters`() async throws {
        let fixture = try await EngineFixture.withFamily()
        for _ in 0..<2 {
            #expect(try await fixture.get("/v1.43/system/df").json["Images"]?.array?[0]["VirtualSize"] != nil)
            #expect(try await fixture.get("/v1.44/system/df").json["Images"]?.array?[0]["VirtualSize"] == nil)
            #expect(try await fixture.get("/v1.44/system/df?type=volume").json["Images"] == .null)
            #expect(try await fixture.get("/v1.44/images/json").json.array?[0]["SharedSize"] == -1)
            let shared = try await fixture.get("/v1.44/images/json?shared-size=1").json.array?[0]
            #expect(shared?["SharedSize"] == 120_491_246)
            #expect(
                try await fixture.get("/v1.44/images/json?filters=%7B%22label%22%3A%5B%22a%22%5D%7D").json.array?.count
                    == 1)
        }
    }

    @Test func `are made once while nothing changes`() async throws {
        let cache = ListCache()
        let catalogue = try await Catalogue.open(path: nil) { Timestamp(seconds: 1) }
        let stamp = catalogue.stamp
        let key = ListCache.Key(route: "df", version: "1.50", query: [])
        #expect(cache.body(key, at: stamp) == nil)
        cache.keep([1], key, at: stamp)
        #expect(cache.body(key, at: catalogue.stamp) == [1])
        #expect(cache.body(ListCache.Key(route: "df", version: "1.43", query: []), at: stamp) == nil)
        await #expect(throws: CatalogueError.self) { try await catalogue.delete(TestImage.digest(1)) }
        #expect(catalogue.stamp != stamp && cache.body(key, at: catalogue.stamp) == nil)
    }
}
