import OCI
import Testing

@testable import Catalogue

/// A random graph of images in a catalogue, beside a model so plain that it must be right: sets of digests.
struct RandomWalk {
    private let catalogue: Catalogue
    private var random: SplitMix
    /// Bytes by number; blob `n` is `digest(n)`. Numbers below 10 are the layers that images share.
    private var sizes: [Int: Int64] = [:]
    private var numbers: [Digest: Int] = [:]
    private var images: [Int: Set<Int>] = [:]
    private var names: [String: Int] = [:]

    /// - Precondition: `catalogue` is empty.
    init(in catalogue: Catalogue, seed: UInt64) {
        self.catalogue = catalogue
        random = SplitMix(state: seed)
    }

    /// One random change, made to both; returns what it was.
    mutating func step() async throws -> String {
        let known = images.keys.sorted().randomElement(using: &random)
        switch (Int.random(in: 0..<10, using: &random), known) {
        case (0..<4, _), (_, nil): return try await record(Int.random(in: 100..<115, using: &random), "record")
        case (4, let image?): return try await record(image, blobs: Array(images[image] ?? []), "record identically")
        case (5, let image?): return try await record(image, "add a platform")
        case (6, let image?): return try await record(image, blobs: [], "name")
        case (7, _):
            let name = randomName()
            let former = names.removeValue(forKey: name)
            let left = try await catalogue.untag(Reference(parsing: name))
            #expect(left?.id == former.map { digest($0) }, "untag \(name)")
            return "untag"
        case (_, let image?):
            try await delete(image, "delete")
            return "delete \(image)"
        }
    }

    /// Deletes a random set of images; what comes free is what `reclaimable` means: blobs with all users in the set.
    mutating func deleteSomeTogether(_ place: String) async throws {
        let doomed = images.keys.sorted().filter { _ in Bool.random(using: &random) }.shuffled(using: &random)
        let kept = images.filter { !doomed.contains($0.key) }.values.reduce(Set()) { $0.union($1) }
        let expected = doomed.reduce(Set()) { $0.union(images[$1] ?? []) }.subtracting(kept)
        let predicted = try await catalogue.reclaimable(of: Set(doomed.map { digest($0) }))
        #expect(predicted == bytes(expected), "\(place), of \(doomed)")
        let freed = try await remove(doomed, place)
        #expect(freed.count == expected.count && Set(freed) == Set(expected.map { digest($0) }), "\(place)")
        try await compare("\(place), deleted \(doomed)")
    }

    /// Loses random blobs; every image goes on without those of its own.
    mutating func loseSome(_ place: String) async throws {
        let used = images.values.reduce(Set()) { $0.union($1) }.sorted()
        let lost = used.filter { _ in Int.random(in: 0..<4, using: &random) == 0 }.shuffled(using: &random)
        let told = try await catalogue.lose(lost.map { digest($0) } + [digest(9_999)])
        #expect(told.map(\.descriptor.digest) == lost.map { digest($0) }, "\(place)")
        for blob in told {
            let users = images.filter { image in image.value.contains { digest($0) == blob.descriptor.digest } }.keys
            #expect(Set(blob.images.map(\.digest)) == Set(users.map { digest($0) }), "\(place)")
        }
        for image in images.keys { images[image]?.subtract(lost) }
        try await compare("\(place), lost \(lost)")
    }

    mutating func deleteAll(_ place: String) async throws {
        for image in images.keys.shuffled(using: &random) {
            try await delete(image, place)
            try await compare("\(place), deleted \(image)")
        }
        #expect(try await catalogue.totals() == StoreTotals(layersSize: 0, images: 0, references: 0, blobs: 0))
    }

    /// Every sum of the catalogue against the model's, and against the invariants of sharing.
    func compare(_ place: String) async throws {
        let users = images.values.reduce(into: [Int: Int]()) { users, blobs in
            for blob in blobs { users[blob, default: 0] += 1 }
        }
        let summaries = try await catalogue.images()
        let sums = Dictionary(uniqueKeysWithValues: summaries.map { ($0.id, Sums($0)) })
        #expect(summaries.count == images.count && sums == expectedSums(users), "\(place)")
        #expect(summaries.allSatisfy { 0...$0.size ~= $0.sharedSize }, "\(place)")

        let totals = try await catalogue.totals()
        let expected = StoreTotals(
            layersSize: bytes(users.keys), images: images.count, references: names.count, blobs: users.count)
        #expect(totals == expected, "\(place)")
        #expect(try await catalogue.reclaimable() == totals.layersSize, "\(place): nobody holds anything")
        let unique = summaries.reduce(0) { $0 + $1.size - $1.sharedSize }
        #expect(unique + bytes(users.filter { $0.value > 1 }.keys) == totals.layersSize, "\(place)")

        guard let (number, blobs) = images.first else { return }
        let uses = try await catalogue.blobs(of: digest(number)).map { [$0.digest: $0.users] }
        #expect(Set(uses) == Set(blobs.map { [digest($0): users[$0, default: 0]] }), "\(place)")
    }

    private struct Sums: Equatable {
        let size: Int64, sharedSize: Int64, tags: [String]

        init(size: Int64, sharedSize: Int64, tags: [String]) {
            self.size = size
            self.sharedSize = sharedSize
            self.tags = tags
        }

        init(_ summary: ImageSummary) {
            self.init(size: summary.size, sharedSize: summary.sharedSize, tags: summary.tags.map(\.familiar))
        }
    }

    private func expectedSums(_ users: [Int: Int]) -> [Digest: Sums] {
        var sums: [Digest: Sums] = [:]
        for (number, blobs) in images {
            sums[digest(number)] = Sums(
                size: bytes(blobs), sharedSize: bytes(blobs.filter { users[$0, default: 0] > 1 }),
                tags: names.filter { $0.value == number }.map(\.key).sorted())
        }
        return sums
    }

    private mutating func record(_ image: Int, blobs: [Int]? = nil, _ action: String) async throws -> String {
        let blobs = blobs ?? [image] + platforms(of: image)
        let moved = (0..<Int.random(in: 0...2, using: &random)).map { _ in randomName() }
        let target = Descriptor(mediaType: .ociIndex, digest: digest(image), size: size(of: image))
        var entries: [BlobEntry] = []
        for blob in blobs {
            let descriptor = Descriptor(mediaType: .ociLayerGzip, digest: digest(blob), size: size(of: blob))
            entries.append(BlobEntry(descriptor: descriptor, role: blob < 10 ? .layer : .other))
        }
        let entry = ImageEntry(target: target, manifests: [], blobs: entries.shuffled(using: &random))
        try await catalogue.record(entry, named: moved.map { try Reference(parsing: $0) })
        images[image, default: []].formUnion(blobs)
        for name in moved { names[name] = image }
        return "\(action) \(image) with \(blobs) as \(moved)"
    }

    /// A manifest, a config and a stack of layers for each of one to three platforms; layers repeat.
    private mutating func platforms(of image: Int) -> [Int] {
        (0..<Int.random(in: 1...3, using: &random)).flatMap { _ in
            let own = (image * 10 + Int.random(in: 0..<3, using: &random)) * 2
            let stack = (0..<Int.random(in: 0...6, using: &random)).map { _ in Int.random(in: 0..<10, using: &random) }
            return [own, own + 1] + stack
        }
    }

    private mutating func size(of blob: Int) -> Int64 {
        if let known = sizes[blob] { return known }
        let drawn = Int64.random(in: 0..<1 << 40, using: &random)
        let bytes = drawn.isMultiple(of: 3) ? drawn % 2 : drawn
        sizes[blob] = bytes
        numbers[digest(blob)] = blob
        return bytes
    }

    private mutating func randomName() -> String {
        "r\(Int.random(in: 0..<3, using: &random)):\(Int.random(in: 0..<3, using: &random))"
    }

    /// In one transaction or one by one: the blobs that come free are the same.
    private mutating func remove(_ doomed: [Int], _ place: String) async throws -> [Digest] {
        guard Bool.random(using: &random) else {
            var freed: [Digest] = []
            for image in doomed { freed += try await delete(image, place) }
            return freed
        }
        let removal = try await catalogue.remove(images: doomed.map { digest($0) })
        #expect(removal.images.map(\.id) == doomed.map { digest($0) } && removal.spared.isEmpty, "\(place)")
        #expect(
            removal.blobs.reduce(0) { $0 + $1.size } == bytes(removal.blobs.compactMap { numbers[$0.digest] }),
            "\(place)")
        for image in doomed { images[image] = nil }
        names = names.filter { images[$0.value] != nil }
        return removal.blobs.map(\.digest)
    }

    @discardableResult
    private mutating func delete(_ image: Int, _ place: String) async throws -> [Digest] {
        let blobs = images.removeValue(forKey: image) ?? []
        names = names.filter { $0.value != image }
        let kept = images.values.reduce(Set()) { $0.union($1) }
        let freed = try await catalogue.delete(digest(image)).map(\.digest)
        #expect(Set(freed) == Set(blobs.subtracting(kept).map { digest($0) }), "delete \(image): \(place)")
        return freed
    }

    private func bytes(_ blobs: some Sequence<Int>) -> Int64 { blobs.reduce(0) { $0 + sizes[$1, default: 0] } }
}
