import Catalogue
import Coordination
import Hashing
import OCI
import Observability
import Serving
import TestSupport
import Testing

@testable import NativeAPI
@testable import Pulling
@testable import Storage

/// The native routes over a catalogue and a store in memory.
struct NativeRig {
    let catalogue: Catalogue
    let store: ReportingStore
    let collector: Collector
    let metrics = DaemonMetrics()
    let routes: NativeRoutes

    init(
        puller: ScriptedPuller = ScriptedPuller(), store: ReportingStore = ReportingStore(),
        registries: [RegistryReport] = []
    ) async throws {
        catalogue = try await Catalogue.open(path: nil) { Timestamp(seconds: 1) }
        self.store = store
        collector = Collector(store: store, catalogue: catalogue) { _ in }
        routes = NativeRoutes(
            context: NativeContext(
                catalogue: catalogue, store: store, puller: puller, comparer: FixedComparer(), collector: collector,
                metrics: metrics,
                registries: { registries }, now: { Timestamp(seconds: 10_000) }, version: "1.2.3", started: .now))
    }

    func respond(_ method: String, _ target: String) async throws -> ServerResponse? {
        await routes.respond(to: try #require(ServerRequest(method, target)))
    }

    /// The whole body, streamed or not, as text.
    func text(_ method: String, _ target: String, status: Int = 200) async throws -> String {
        let response = try #require(try await respond(method, target))
        #expect(response.status == status, "\(method) \(target)")
        switch response.body {
        case .bytes(let bytes): return String(decoding: bytes, as: UTF8.self)
        case .stream(let run):
            let written = Written()
            try await run(written)
            return String(decoding: await written.bytes, as: UTF8.self)
        default: return ""
        }
    }

    func json(_ method: String, _ target: String, status: Int = 200) async throws -> JSON {
        try JSON(parsing: try await text(method, target, status: status).utf8)
    }

    /// Records an image of layers with these texts, with its blobs in the store.
    @discardableResult
    func add(_ name: String, layers: [String]) async throws -> Digest {
        let manifest = Array("manifest of \(name)".utf8)
        let target = Descriptor(mediaType: .ociManifest, digest: .sha256(of: manifest), size: Int64(manifest.count))
        store.memory.plant(manifest, under: target.digest)
        var blobs = [BlobEntry(descriptor: target, role: .manifest)]
        for layer in layers.map({ Array($0.utf8) }) {
            let descriptor = Descriptor(
                mediaType: .ociLayerGzip, digest: .sha256(of: layer), size: Int64(layer.count))
            store.memory.plant(layer, under: descriptor.digest)
            blobs.append(BlobEntry(descriptor: descriptor, role: .layer, unpackedSize: descriptor.size * 2))
        }
        try await catalogue.record(
            ImageEntry(target: target, manifests: [], blobs: blobs), named: [Reference(parsing: name)])
        return target.digest
    }
}
