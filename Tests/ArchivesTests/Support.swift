import Archives
import Catalogue
import Coordination
import Hashing
import Layers
import OCI
import Pulling
import Storage
import TestSupport
import Testing

/// A store on disk, a catalogue in memory, and what saves and loads.
struct ArchiveRig {
    let directory: TemporaryDirectory
    let store: LocalContentStore
    let catalogue: Catalogue
    let collector: Collector
    let events = ImageEventLog { Timestamp(seconds: 1_700_000_000) }
    let saver: ImageSaver
    let loader: ImageLoader

    init(limits: ArchiveLimits = ArchiveLimits()) async throws {
        directory = try TemporaryDirectory("layerd-archives")
        let store = try await LocalContentStore(root: directory.path)
        self.store = store
        catalogue = try await Catalogue.open(path: nil) { Timestamp(seconds: 1_700_000_000) }
        collector = Collector(store: store, catalogue: catalogue) { try await store.writeIndex($0) }
        saver = ImageSaver(catalogue: catalogue, store: store, collector: collector, events: events)
        loader = ImageLoader(
            catalogue: catalogue, store: store, collector: collector, events: events, limits: limits)
    }

    /// What was told, in docker's words.
    @discardableResult
    func load(_ bytes: [UInt8], step: Int = 64 << 10, platform: Platform? = nil) async throws -> [String] {
        var told: [String] = []
        try await loader.load(Pieces(bytes: bytes, step: step), platform: platform) { told.append(sentence($0)) }
        return told
    }

    func save(_ names: String..., platform: Platform? = nil) async throws -> [UInt8] {
        let plan = try await saver.plan(names, platform: platform)
        var bytes: [UInt8] = []
        try await saver.write(plan) { bytes += $0 }
        #expect(plan.size == Int64(bytes.count))
        return bytes
    }

    func tags() async throws -> [String] { try await catalogue.names().map(\.reference.familiar) }

    /// Nothing of a load is left: no name, no blob, nothing staged.
    func expectNothing(_ comment: Comment? = nil) async throws {
        #expect(try await tags().isEmpty, comment)
        #expect(try await store.blobs().isEmpty, comment)
        try expectNothingStaged(comment)
    }

    func expectNothingStaged(_ comment: Comment? = nil) throws {
        #expect(try Files.list(directory.path("ingest")).isEmpty, comment)
    }
}

func sentence(_ step: LoadStep) -> String {
    switch step {
    case .layer(let diffID, let current, let total): "layer \(diffID.short) \(current)/\(total)"
    case .renaming(let reference, let old): "renaming \(reference.familiar) from \(old.short)"
    case .loaded(let reference): "loaded \(reference.familiar)"
    case .loadedID: "loaded by ID"
    }
}

/// Bytes in pieces, as a client sends them; `failure` is thrown at their end.
struct Pieces: AsyncSequence, Sendable {
    var bytes: [UInt8]
    var step: Int
    var failure: ClientDied?

    struct Iterator: AsyncIteratorProtocol {
        var rest: ArraySlice<UInt8>
        let step: Int
        let failure: ClientDied?

        mutating func next() async throws -> [UInt8]? {
            guard !rest.isEmpty else {
                if let failure { throw failure }
                return nil
            }
            defer { rest = rest.dropFirst(step) }
            return Array(rest.prefix(step))
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(rest: bytes[...], step: step, failure: failure) }
}

struct ClientDied: Error {}

/// A tar of these files, in order.
func tar(_ entries: [TarEntry], ended: Bool = true) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let writer = TestSupport.TarWriter { bytes += $0 }
    for entry in entries { try writer.append(entry) }
    if ended { try writer.finish() }
    return bytes
}

/// An OCI layout of images under their names, as the files of a tar.
func layout(_ images: [(name: String?, image: GeneratedImage)]) -> [TarEntry] {
    var seen = Set<Digest>()
    let blobs = images.flatMap { $0.image.documents + $0.image.blobs }.filter { seen.insert($0.digest).inserted }
    let entries = images.map { name, image in
        var descriptor = image.target
        if let name { descriptor.annotations["io.containerd.image.name"] = name }
        return descriptor.json
    }
    let index: JSON = ["schemaVersion": 2, "manifests": .array(entries)]
    return [.directory("blobs"), .directory("blobs/sha256")]
        + blobs.map { .file("blobs/sha256/\($0.digest.hex)", $0.source) }
        + [
            .file("index.json", BytesSource(index.serialized())),
            .file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"),
        ]
}

/// A docker archive of one image with plain layers, as docker 1.10 to 24 wrote it.
struct DockerTar {
    var layers: [GeneratedLayer]
    var config: [UInt8]
    var tags = ["made:1"]
    /// Paths of the layers in `manifest.json`.
    var paths: [String]

    init(_ recipe: ImageRecipe) {
        layers = recipe.steps.compactMap(\.layer)
        config = ImageFactory().image(recipe).manifests[0].config.documentBytes
        paths = layers.map { "\($0.diffID.hex)/layer.tar" }
    }

    var configName: String { "\(Digest.sha256(of: config).hex).json" }

    var manifest: JSON {
        [
            [
                "Config": .string(configName), "RepoTags": .array(tags.map(JSON.string)),
                "Layers": .array(paths.map(JSON.string)),
            ]
        ]
    }

    func entries() throws -> [TarEntry] {
        layers.map { .file("\($0.diffID.hex)/layer.tar", $0.source) }
            + [.file(configName, BytesSource(config)), .file("manifest.json", BytesSource(manifest.serialized()))]
    }
}

extension GeneratedBlob {
    var documentBytes: [UInt8] { (try? source.readAll()) ?? [] }
}

/// A small image of two layers and an empty step.
func smallRecipe(
    _ text: String = "hello", compression: LayerCompression = .gzip(), platform: Platform = .linuxAMD64
) throws -> ImageRecipe {
    let factory = ImageFactory(compression: compression)
    let base = try factory.layer([.directory("etc"), .file("etc/base", "the base")])
    let top = try factory.layer([
        .file("app", text), .file("noise", factory.noise(text, bytes: 200 << 10)),
    ])
    return ImageRecipe(
        platform, steps: [ImageStep("COPY base /", base), ImageStep("ENV A=b"), ImageStep("COPY app /", top)])
}
