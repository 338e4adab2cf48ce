import OCI
import Synchronization
import Testing

@testable import Catalogue

private final class Count: Sendable {
    private let value = Atomic(0)

    func add() { value.add(1, ordering: .relaxed) }
    func take() -> Int { value.exchange(0, ordering: .relaxed) }
}

/// The IDs written, one a line, and how many rows were written since the last look.
private final class Written: Sendable {
    let text: ImageText
    private let catalogue: Catalogue
    private let count: Count

    init(_ catalogue: Catalogue) {
        let count = Count()
        (self.catalogue, self.count) = (catalogue, count)
        text = ImageText(catalogue) { image, text in
            count.add()
            text += Written.line(image).utf8
        }
    }

    /// All that a list shows of an image.
    static func line(_ image: ImageSummary) -> String {
        "\(image.id) \(image.tags) \(image.digests) \(image.size) \(image.sharedSize) \(image.holders) \(image.uses)"
            + " \(image.unpackedSize ?? -1) \(image.problem ?? "")\n"
    }

    /// Expects the text to be what the catalogue says; returns how many rows were written for it.
    func check(_ place: String) async throws -> Int {
        let reading = try await text.current()
        let expected = try await catalogue.images().map(Written.line)
        #expect(String(decoding: reading.pieces.joined(), as: UTF8.self) == expected.joined(), "\(place)")
        #expect(try await catalogue.totals() == reading.totals, "\(place)")
        #expect(reading.bytes == expected.reduce(0) { $0 + $1.utf8.count }, "\(place)")
        return count.take()
    }
}

@Suite struct `A text about all images` {
    private func image(_ number: Int, _ blobs: [Int], built: Int64? = 5) -> ImageEntry {
        CatalogueTests.image(number, created: built, blobs: blobs.map { layer($0, size: 10) })
    }

    private func catalogue(of count: Int) async throws -> Catalogue {
        let catalogue = try await Catalogue.open(path: nil) { Timestamp(seconds: 1) }
        for number in 0..<count {
            try await catalogue.record(
                image(1_000 + number, [5_000 + number], built: number % 7 == 0 ? nil : Int64(number * 31 % 50)),
                named: [try Reference(parsing: "app:\(number)")])
        }
        return catalogue
    }

    @Test func `is written again for the images that a change touched, and for no other`() async throws {
        let catalogue = try await catalogue(of: 300)
        let written = Written(catalogue)
        let name = try Reference(parsing: "app:7")
        #expect(try await written.check("at first") == 300)
        #expect(try await written.check("unchanged") == 0)
        try await catalogue.note("something else")
        #expect(try await written.check("after a change of no image") == 0)
        try await catalogue.pin(name)
        #expect(try await written.check("pinned") == 1)
        let reading = catalogue.reading(digest(1_009))
        #expect(try await written.check("read") == 1)
        reading.end()
        #expect(try await written.check("read no more") == 1)
        try await catalogue.record(image(2_000, [5_003]), named: [name])
        #expect(try await written.check("a new image takes a name, and shares a blob") == 3)
        try await catalogue.untag(name)
        #expect(try await written.check("a name goes") == 1)
        try await catalogue.delete(digest(1_003))
        #expect(try await written.check("an image goes, and shares no more") == 1)
        catalogue.touch(digest(1_020))
        try await catalogue.enterUses()
        #expect(try await written.check("used") == 1)
        try await catalogue.judge(digest(1_021), problem: "odd", blobs: 2)
        #expect(try await written.check("found odd") == 1)
        try await catalogue.learn(digest(5_022), .unpacked(diffID: digest(1), size: 99))
        #expect(try await written.check("inflated") == 1)
        try await catalogue.lose([digest(5_023)])
        #expect(try await written.check("lost") == 1)
    }

    @Test func `keeps the order of the list when images come anywhere`() async throws {
        let catalogue = try await Catalogue.open(path: nil) { Timestamp(seconds: 1) }
        let written = Written(catalogue)
        _ = try await written.check("empty")
        for number in 0..<700 {
            let built = number % 11 == 0 ? nil : Int64(number * 7_919 % 101)
            try await catalogue.record(image(3_000 + number, [], built: built), named: [])
            if number % 50 == 0 { _ = try await written.check("\(number) images") }
        }
        #expect(try await written.text.current().pieces.count > 1)
        for number in 0..<700 {
            try await catalogue.delete(digest(3_000 + number))
            if number % 60 == 0 { _ = try await written.check("\(number) gone") }
        }
        _ = try await written.check("empty again")
    }

    @Test func `is right after any change of a random graph`() async throws {
        for seed in 0..<8 {
            let catalogue = try await Catalogue.open(path: nil) { Timestamp(seconds: 1) }
            let written = Written(catalogue)
            var walk = RandomWalk(in: catalogue, seed: UInt64(seed))
            for step in 0..<40 {
                let change = try await walk.step()
                _ = try await written.check("seed \(seed), step \(step): \(change)")
            }
            try await walk.loseSome("seed \(seed)")
            _ = try await written.check("seed \(seed), lost")
        }
    }
}
