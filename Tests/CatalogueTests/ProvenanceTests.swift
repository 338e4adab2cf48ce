import GRDB
import OCI
import Testing

@testable import Catalogue

@Suite struct `Where a blob came from` {
    private func record(_ fetches: [(source: String?, isPrivate: Bool)]) async throws -> [String] {
        let (clock, step) = (StoppedClock(), Int64(60))
        let catalogue = try await emptyCatalogue(clock)
        for (number, fetch) in fetches.enumerated() {
            var blob = layer(10, size: 5)
            (blob.source, blob.isPrivate) = (fetch.source, fetch.isPrivate)
            try await catalogue.record(image(number, blobs: [blob]), named: [])
            clock.advance(by: step)
        }
        return try await catalogue.read { db in
            let row = try Row.fetchOne(
                db, sql: "SELECT source, private, recorded, last_used FROM blobs WHERE digest = ?",
                arguments: [digest(10).description])
            return try #require(row).databaseValues.map { "\($0)" }
        }
    }

    @Test func `is the first repository, and the last use is the last`() async throws {
        #expect(try await record([("a", false), ("b", false)]) == ["\"a\"", "0", "1000", "1060"])
    }

    @Test func `is filled in when it was not known`() async throws {
        #expect(try await record([(nil, false), ("b", false)]) == ["\"b\"", "0", "1000", "1060"])
    }

    @Test func `is public once it came without credentials`() async throws {
        #expect(try await record([("a", true), ("b", false)]) == ["\"b\"", "0", "1000", "1060"])
    }

    @Test func `stays public when it comes with credentials later`() async throws {
        #expect(try await record([("a", false), ("b", true)]) == ["\"a\"", "0", "1000", "1060"])
    }
}
