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

    @Test func `are kept for the shapes asked for last, and made anew for others`() async throws {
        let catalogue = try await Catalogue.open(path: nil) { Timestamp(seconds: 1) }
        let cache = ListCache()
        func text(_ shape: Int) -> ImageText {
            let shape = ImageRow.Shape(
                .v1([42, 43, 44, 48, 50][shape % 5]), holders: shape >= 5, sharedSize: false)
            return cache.text(shape) { ImageText(catalogue) { _, _ in } }
        }
        let first = text(0)
        #expect(text(0) === first)
        // Equal for both versions, so kept once.
        #expect(text(3) === text(4))
        for shape in [1, 2, 0, 3, 5] { _ = text(shape) }
        #expect(text(0) === first)
        for shape in 5..<9 { _ = text(shape) }
        #expect(text(0) !== first)
    }
}
