import Catalogue
import Foundation
import Hashing
import OCI
import Storage
import Testing

@testable import Pulling

/// Random graphs of images with real files under a state directory: what a dry run predicts, what the removal says, and
/// what `stat` measures before and after are one number.
///
/// `LAYERD_FILE_GRAPHS` sets how many; the seeds are fixed.
@Suite struct `The bytes of a removal` {
    private static let graphs = ProcessInfo.processInfo.environment["LAYERD_FILE_GRAPHS"].flatMap(Int.init) ?? 12

    @Test func `are predicted to the byte`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(component: "freed-\(UUID().uuidString)")
        defer {
            do { try FileManager.default.removeItem(at: directory) } catch {
                Issue.record("\(directory.path) stays: \(error)")
            }
        }
        let store = try await LocalContentStore(root: directory.path)
        let catalogue = try await Catalogue.open(path: directory.path + "/catalog.sqlite") { Timestamp(seconds: 1) }
        let collector = Collector(store: store, catalogue: catalogue) { try await store.writeIndex($0) }
        for graph in 0..<Self.graphs {
            var random = Seeded(state: UInt64(graph))
            var images = try await Self.fill(store, catalogue, &random)
            while !images.isEmpty {
                let chosen = images.shuffled(using: &random).prefix(Int.random(in: 1...4, using: &random))
                images.removeAll { chosen.contains($0) }
                let predicted = try await catalogue.reclaimable(of: Set(chosen))
                let before = try Self.measured(directory)
                let removed = try await collector.remove(images: chosen)
                let after = try Self.measured(directory)
                #expect(predicted == before - after && removed.bytes == predicted, "graph \(graph)")
                #expect(try await catalogue.totals().layersSize == after, "graph \(graph)")
            }
            #expect(try Self.measured(directory) == 0, "graph \(graph)")
        }
        try await catalogue.close()
        store.close()
    }

    /// Bytes of all files under `blobs`, as `lstat` tells them.
    private static func measured(_ directory: URL) throws -> Int64 {
        var sum: Int64 = 0
        let folder = directory.path + "/store/blobs/sha256"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            var status = stat()
            guard lstat(folder + "/" + name, &status) == 0 else { throw POSIXError(.ENOENT) }
            sum += Int64(status.st_size)
        }
        return sum
    }

    /// Six to ten images over few layers: shared, repeated within one image, several platforms under one index, names
    /// that move and second names.
    private static func fill(
        _ store: LocalContentStore, _ catalogue: Catalogue, _ random: inout Seeded
    ) async throws -> [Digest] {
        var ids: [Digest] = []
        for number in 0..<Int.random(in: 6...10, using: &random) {
            var blobs: [BlobEntry] = []
            for platform in 0..<Int.random(in: 1...2, using: &random) {
                blobs.append(try await put("manifest \(number) \(platform)", .manifest, store, &random))
                for _ in 0..<Int.random(in: 0...4, using: &random) {
                    blobs.append(
                        try await put("layer \(Int.random(in: 0..<9, using: &random))", .layer, store, &random))
                }
            }
            let target = try await put("index \(number)", .index, store, &random)
            let name = try Reference(parsing: "app\(Int.random(in: 0..<4, using: &random)):1")
            let names = Bool.random(using: &random) ? [name, try Reference(parsing: "other:\(number)")] : [name]
            try await catalogue.record(
                ImageEntry(target: target.descriptor, manifests: [], blobs: [target] + blobs), named: names)
            ids.append(target.descriptor.digest)
        }
        return ids
    }

    /// Each text has one content in all graphs, up to a few thousand bytes long, or none.
    private static func put(
        _ text: String, _ role: BlobEntry.Role, _ store: LocalContentStore, _ random: inout Seeded
    ) async throws -> BlobEntry {
        let seed = Array(text.utf8)
        let length = Digest.sha256(of: seed).hex.utf8.reduce(0) { ($0 * 31 + Int($1)) % 5_000 }
        let bytes =
            length.isMultiple(of: 7) ? seed : Array(repeating: seed, count: length / seed.count + 1).flatMap(\.self)
        let descriptor = Descriptor(mediaType: .ociLayerGzip, digest: .sha256(of: bytes), size: Int64(bytes.count))
        try await store.ingest(descriptor) { writer in try writer.replace(with: bytes) }
        return BlobEntry(descriptor: descriptor, role: role)
    }
}

/// Random numbers that a seed repeats.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
