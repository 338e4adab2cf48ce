import Hashing
import OCI
import TestSupport

@testable import Catalogue

/// An image of a made-up catalogue; each of its blobs, by number, has the same 10 MB.
struct SharedImage {
    var name: String
    var blobs: [Int]
    var uses: Int64
    var idle: Int64
    var pins: Int
    var holders: Int

    init(_ name: String, _ blobs: [Int], uses: Int64 = 0, idle: Int64 = 100_000, pins: Int = 0, holders: Int = 0) {
        self.name = name
        self.blobs = blobs
        self.uses = uses
        self.idle = idle
        self.pins = pins
        self.holders = holders
    }
}

extension Sharing {
    static func of(_ images: [SharedImage]) -> Sharing {
        var sharing = Sharing()
        let count = (images.flatMap(\.blobs).max() ?? -1) + 1
        sharing.blobs = (0..<count).map { Blob(digest: .sha256(of: Array("blob \($0)".utf8)), size: 10_000_000) }
        for image in images {
            let summary = ImageSummary.made(
                image.name, size: Int64(image.blobs.count) * 10_000_000, uses: image.uses,
                recorded: 900_000 - image.idle, lastUsed: 1_000_000 - image.idle, pins: image.pins,
                holders: image.holders + image.pins)
            sharing.images.append((summary, image.blobs))
        }
        return sharing
    }
}

extension ImageSummary {
    static func made(
        _ name: String, size: Int64, uses: Int64, recorded: Int64, lastUsed: Int64, pins: Int = 0, holders: Int = 0
    ) -> ImageSummary {
        let descriptor = Descriptor(
            mediaType: .ociManifest, digest: .sha256(of: Array(name.utf8)), size: 1_000)
        let tags = (try? Reference(parsing: "\(name):latest")).map { [$0] } ?? []
        return ImageSummary(
            target: descriptor, tags: tags, digests: [], created: nil, recorded: Timestamp(seconds: recorded),
            lastTagged: nil, labels: [], size: size, sharedSize: 0, holders: holders, pins: pins, unpackedSize: nil,
            lastUsed: Timestamp(seconds: lastUsed), uses: uses)
    }
}

/// A cache that plays a trace of pulls of made-up images, of which some share a base, and counts what it had.
struct CacheReplay {
    private var random: SplitMix
    private let limit: Int64
    private let images: [(name: String, blobs: [Int])]
    private let sizes: [Int64]
    private let weights: [Double]
    private var held: [Int: (recorded: Int64, lastUsed: Int64, uses: Int64)] = [:]
    private var asked: Int64 = 0, hit: Int64 = 0
    private(set) var most: Int64 = 0

    init(seed: UInt64, limit: Int64) {
        var random = SplitMix(state: seed)
        var sizes = (0..<12).map { _ in Int64(20_000_000 + random.next() % 60_000_000) }
        images = (0..<120).map { number in
            let count = 1 + Int(random.next() % 4)
            let own = (0..<count).map { layer in sizes.count + layer }
            sizes += own.map { _ in Int64(100_000 + random.next() % 40_000_000) }
            return ("image\(number)", [Int(random.next() % 12)] + own)
        }
        self.sizes = sizes
        self.limit = limit
        weights = (0..<120).map { 1 / Double($0 + 1) }
        self.random = random
    }

    var hitRate: Double { Double(hit) / Double(max(1, asked)) }

    mutating func run(requests: Int, evict: (Sharing, Int64, Timestamp) -> [Digest]) {
        for step in 0..<requests {
            let now = Timestamp(seconds: Int64(step) * 60)
            let wanted = pick()
            let here = Set(held.keys.flatMap { images[$0].blobs })
            for blob in images[wanted].blobs {
                asked += sizes[blob]
                if here.contains(blob) { hit += sizes[blob] }
            }
            if held[wanted] != nil {
                held[wanted]?.lastUsed = now.seconds
                held[wanted]?.uses += 1
                continue
            }
            makeRoom(for: wanted, now, evict)
            held[wanted] = (now.seconds, now.seconds, 1)
            most = max(most, used)
        }
    }

    private var used: Int64 { Set(held.keys.flatMap { images[$0].blobs }).reduce(0) { $0 + sizes[$1] } }

    private mutating func makeRoom(for wanted: Int, _ now: Timestamp, _ evict: (Sharing, Int64, Timestamp) -> [Digest])
    {
        while true {
            let here = Set(held.keys.flatMap { images[$0].blobs })
            let need = images[wanted].blobs.filter { !here.contains($0) }.reduce(Int64(0)) { $0 + sizes[$1] }
            let missing = used + need - limit
            guard missing > 0 else { return }
            for id in evict(sharing, missing, now) {
                guard let place = held.keys.first(where: { Digest.sha256(of: Array(images[$0].name.utf8)) == id })
                else { continue }
                held[place] = nil
            }
        }
    }

    private var sharing: Sharing {
        var sharing = Sharing()
        sharing.blobs = sizes.indices.map {
            Sharing.Blob(digest: .sha256(of: Array("blob \($0)".utf8)), size: sizes[$0])
        }
        for (place, entry) in held.sorted(by: { $0.key < $1.key }) {
            let image = images[place]
            let summary = ImageSummary.made(
                image.name, size: image.blobs.reduce(Int64(0)) { $0 + sizes[$1] }, uses: entry.uses,
                recorded: entry.recorded, lastUsed: entry.lastUsed)
            sharing.images.append((summary, image.blobs))
        }
        return sharing
    }

    private mutating func pick() -> Int {
        var left = Double(random.next() % 1_000_000) / 1_000_000 * weights.reduce(0, +)
        for (place, weight) in weights.enumerated() {
            left -= weight
            if left <= 0 { return place }
        }
        return weights.count - 1
    }
}
