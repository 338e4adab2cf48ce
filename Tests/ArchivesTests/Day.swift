import Catalogue
import OCI
import Pulling
import Storage
import TestSupport
import Testing

/// One who does this and that, by the minute, and knows what must not go.
struct Day {
    let rig: DayRig
    var count = Count()
    private var random: SplitMix
    private var pinned = Set<String>()
    /// Images that are read, and a file of each that is open.
    private var reading: [(id: Digest, hold: ImageReading, file: BlobFile)] = []
    private var seeds: UInt64 = 1_000
    /// What blobs may be there without an image: of pulls that broke and of what the mirror brought in part.
    private var loose = Set<Digest>()
    private let unit: Int64
    /// The step before this one went through the mirror.
    private var wasMirrored = false
    private static let images = 70

    struct Count: CustomStringConvertible {
        var pulls = 0, loads = 0, mirrored = 0, broken = 0, refused = 0, evicted = 0, prunes = 0, reads = 0, pins = 0
        var description: String {
            "\(pulls) pulls (\(broken) broken), \(loads) loads, \(mirrored) through the mirror, \(refused) refused, "
                + "\(evicted) evicted, \(reads) reads, \(pins) pins, \(prunes) removals and prunes"
        }
    }

    /// - Parameter unit: bytes that all sizes are counted in: an image is about a hundred of them.
    init(seed: UInt64, limit: Int64, unit: Int64) async throws {
        self.unit = unit
        rig = try await DayRig(limit: limit, keepAtLeast: .seconds(600), lowWatermark: 0.9)
        random = SplitMix(state: seed)
        for number in 0..<Self.images { try publish(number) }
    }

    /// A new version of an image: layers of its own on one of eight bases.
    private mutating func publish(_ number: Int) throws {
        let base = UInt64(number % 8)
        let own = (0..<1 + Int(random.next() % 3)).map { _ -> (seed: UInt64, size: Int64) in
            seeds += 1
            return (seeds, unit + Int64(random.next() % UInt64(60 * unit)))
        }
        try rig.registry.set("image\(number)", [(base, Int64(20 + base * 10) * unit)] + own)
    }

    private mutating func name() -> String {
        "image\(min(random.next() % UInt64(Self.images), random.next() % UInt64(Self.images))):latest"
    }

    mutating func step() async throws {
        let (before, mirrored) = (rig.keeper.decisions, count.mirrored)
        switch random.next() % 24 {
        case 0..<8: try await bring([.pull(name())])
        case 8: try await bring([.pull(name()), .pull(name())])
        case 9: try await breaking(name())
        case 10, 11: try await bring([.mirror(name())])
        case 12: try await inPart(name())
        case 13: try await bring([.load(name())])
        case 14: try await bring([.load(name()), .pull(name())])
        case 15: try await use(name())
        case 16, 17: try await read(name())
        case 18: if !reading.isEmpty { reading.removeFirst() }
        case 19: try await pin(name())
        case 20: try await unpin()
        case 21: try await remove(name())
        case 22: try await prune()
        default:
            try publish(Int(random.next() % UInt64(Self.images)))
            try await rig.keeper.settle()
        }
        let last = before.last
        wasMirrored = count.mirrored > mirrored
        count.evicted += rig.keeper.decisions.reversed().prefix { $0 != last }.count
    }

    // MARK: what is done

    private enum Way {
        case pull(String)
        case mirror(String), load(String)
    }

    private mutating func bring(_ ways: [Way]) async throws {
        var refused = 0
        try await withThrowingTaskGroup(of: Bool.self) { [rig] group in
            for way in ways {
                group.addTask {
                    do {
                        switch way {
                        case .pull(let name): try await rig.pull(name)
                        case .mirror(let name): try await rig.mirrored(name)
                        case .load(let name): try await rig.load(name)
                        }
                        return true
                    } catch let fault as any Fault where fault.kind == .outOfSpace { return false }
                }
            }
            for try await done in group where !done { refused += 1 }
        }
        count.refused += refused
        for way in ways {
            switch way {
            case .pull: count.pulls += 1
            case .load: count.loads += 1
            case .mirror(let name):
                count.mirrored += 1
                // Its blobs are kept for an hour for an image that has not become whole.
                loose.formUnion(try rig.registry.image(name).digests)
            }
        }
    }

    /// Its last layer ends in its middle; nobody comes back for it before something else is done.
    private mutating func breaking(_ name: String) async throws {
        let image = try rig.registry.image(name)
        guard let last = image.layers.last, try await rig.store.size(of: last.digest) == nil else { return }
        rig.registry.breakOnce(last.digest)
        do {
            try await rig.pull(name)
            Issue.record("the pull of \(name) did not break")
        } catch let fault as any Fault where fault.kind == .outOfSpace { count.refused += 1 } catch {
            count.broken += 1
            loose.formUnion(image.digests)
        }
        count.pulls += 1
    }

    private mutating func inPart(_ name: String) async throws {
        loose.formUnion(try rig.registry.image(name).digests)
        do { try await rig.mirrored(name, layers: 1) } catch let fault as any Fault where fault.kind == .outOfSpace {
            count.refused += 1
        }
        count.mirrored += 1
        await rig.mirror.tidy()
    }

    private func here(_ name: String) async throws -> ImageSummary? {
        try await rig.catalogue.image(named: try Reference(parsing: name))
    }

    private func use(_ name: String) async throws {
        if let image = try await here(name) { rig.catalogue.touch(image.id) }
    }

    /// Every byte of its manifest's largest layer, and then it is held for some time.
    private mutating func read(_ name: String) async throws {
        guard reading.count < 3, let image = try await here(name) else { return }
        let hold = rig.catalogue.reading(image.id)
        let manifest = try await rig.store.read(image.id, limit: Manifest.maximumSize)
        guard case .manifest(let parsed) = try ManifestDocument(parsing: manifest, mediaType: nil),
            let layer = parsed.layers.max(by: { $0.size < $1.size })
        else {
            Issue.record("\(name) is no manifest")
            return
        }
        let file = try await rig.store.open(layer.digest)
        #expect(file.size == layer.size)
        reading.append((image.id, hold, file))
        count.reads += 1
    }

    private mutating func pin(_ name: String) async throws {
        guard pinned.count < 4, try await here(name) != nil else { return }
        _ = try await rig.collector.pin(name)
        pinned.insert(name)
        count.pins += 1
    }

    private mutating func unpin() async throws {
        guard let name = pinned.sorted().first else { return }
        _ = try await rig.collector.unpin(name)
        pinned.remove(name)
    }

    private mutating func remove(_ name: String) async throws {
        guard let image = try await here(name) else { return }
        _ = try await rig.collector.remove(images: [image.id], sparing: .held)
        count.prunes += 1
    }

    private mutating func prune() async throws {
        let all = random.next().isMultiple(of: 8)
        let told = try await rig.collector.prune(all: all, dryRun: true)
        let before = try rig.look().stored
        let done = try await rig.collector.prune(all: all, dryRun: false)
        let after = try rig.look().stored
        // What the mirror does behind its answers may hold an image for a moment.
        #expect(
            (told.bytes == done.bytes || wasMirrored) && before - done.bytes == after,
            "told \(told.bytes), done \(done.bytes), \(before) before and \(after) after")
        count.prunes += 1
    }

    // MARK: what must hold

    /// Ledger and disk are of one mind once what runs behind an answer has ended.
    mutating func check(_ minute: Int) async throws {
        var (seen, ledger, stray) = try await (rig.look(), rig.catalogue.totals().layersSize, Int64(0))
        for _ in 0..<2_000 {
            let used = Set(try await rig.catalogue.sharing().blobs.map(\.digest))
            let alone = seen.blobs.filter { !used.contains($0.key) }
            stray = alone.values.reduce(0, +)
            if ledger == seen.stored - stray, loose.isSuperset(of: alone.keys),
                try await rig.store.blobBytes() == seen.stored
            {
                break
            }
            try await Task.sleep(for: .milliseconds(5))
            (seen, ledger) = try await (rig.look(), rig.catalogue.totals().layersSize)
        }
        #expect(ledger == seen.stored - stray, "minute \(minute)")
        let told = try await rig.store.blobBytes()
        #expect(told == seen.stored, "minute \(minute)")
        let names = try await rig.names()
        #expect(pinned.isSubset(of: names), "minute \(minute): \(pinned.subtracting(names)) went")
        for (id, hold, _) in reading {
            #expect(try await rig.catalogue.image(id) != nil, "minute \(minute): \(id) went while it was read")
            withExtendedLifetime(hold) {}
        }
    }
}
