import FoundationEssentials
import OCI
import Synchronization

@testable import Catalogue

/// A digest whose hex begins with `prefix`, zeros after it.
func digest(_ prefix: String) throws -> Digest {
    try Digest(parsing: "sha256:" + prefix + String(repeating: "0", count: 64 - prefix.count))
}

/// The `number`th of as many digests as a test wants, spread over all first digits.
func digest(_ number: Int) -> Digest {
    var generator = SplitMix(state: UInt64(number))
    return Digest(.sha256, bytes: (0..<4).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } })
}

func layer(_ number: Int, size: Int64, diffID: Digest? = nil, unpackedSize: Int64? = nil) -> BlobEntry {
    BlobEntry(
        descriptor: Descriptor(mediaType: .ociLayerGzip, digest: digest(number), size: size), role: .layer,
        diffID: diffID, unpackedSize: unpackedSize)
}

/// An image of one manifest, named by it; its layers are `blobs`.
func image(_ id: Digest, size: Int64 = 0, created: Int64? = nil, blobs: [BlobEntry] = []) -> ImageEntry {
    let target = Descriptor(mediaType: .ociManifest, digest: id, size: size)
    return ImageEntry(
        target: target,
        manifests: [
            ManifestEntry(descriptor: target, kind: .image, available: true, layers: blobs.map(\.descriptor))
        ],
        blobs: [BlobEntry(descriptor: target, role: .manifest)] + blobs,
        created: created.map { Timestamp(seconds: $0) })
}

func image(_ number: Int, created: Int64? = nil, blobs: [BlobEntry] = []) -> ImageEntry {
    image(digest(number), created: created, blobs: blobs)
}

func references(_ texts: String...) throws -> [Reference] { try texts.map { try Reference(parsing: $0) } }

/// Seconds pass only when a test says so.
final class StoppedClock: Sendable {
    private let seconds = Mutex(Int64(1_000))

    var now: @Sendable () -> Timestamp { { Timestamp(seconds: self.seconds.withLock { $0 }) } }

    func advance(by step: Int64) { seconds.withLock { $0 += step } }
}

func emptyCatalogue(_ clock: StoppedClock = StoppedClock()) async throws -> Catalogue {
    try await Catalogue.open(path: nil, now: clock.now)
}

/// Gives `body` the path of a catalogue in a directory of its own, which is removed after it.
func withCatalogueFile<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let directory = FileManager.default.temporaryDirectory.appending(component: "catalogue-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let result: Result<Value, any Error>
    do { result = .success(try await body(directory.appending(component: "catalog.sqlite").path)) } catch {
        result = .failure(error)
    }
    try FileManager.default.removeItem(at: directory)
    return try result.get()
}

/// Random numbers that a seed repeats.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
