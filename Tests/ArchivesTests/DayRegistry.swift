import Coordination
import Hashing
import OCI
import Registry
import TestSupport

/// A registry of images of any size, whose layers' bytes are made while they are read.
final class DayRegistry: Resolver, Fetcher, Prober {
    struct Image: Sendable {
        var manifest: Descriptor
        var documents: [Digest: [UInt8]]
        var layers: [Descriptor]
        var config: Descriptor
        /// Of everything, in bytes.
        var size: Int64 { layers.reduce(manifest.size + config.size) { $0 + $1.size } }
        var digests: Set<Digest> { Set([manifest.digest, config.digest] + layers.map(\.digest)) }
    }

    private struct State {
        var images: [String: Image] = [:]
        var documents: [Digest: [UInt8]] = [:]
        var layers: [Digest: GeneratedSource] = [:]
        var known: [UInt64: Descriptor] = [:]
        /// Layers that end in their middle, once.
        var breaks: Set<Digest> = []
        var served: Int64 = 0
    }

    private let state = Locked(State())
    /// Called in the middle of every transfer.
    let watch = Locked<@Sendable () throws -> Void>({})

    /// Bytes given out.
    var served: Int64 { state.withLock { $0.served } }

    /// Gives a name an image of layers of these seeds and sizes.
    func set(_ name: String, _ layers: [(seed: UInt64, size: Int64)]) throws {
        let layers = try layers.map { try layer($0.seed, $0.size) }
        // The layers are plain, so that their digests are their diffIDs.
        let config = JSON.object([
            .init("architecture", .string(Platform.host.architecture)), .init("os", .string(Platform.host.os)),
            .init("created", "2026-01-02T03:04:05Z"), .init("config", [:]),
            .init(
                "rootfs", ["type": "layers", "diff_ids": .array(layers.map { .string("\($0.digest)") })]),
        ]).serialized()
        let configuration = Descriptor(mediaType: .ociConfig, digest: .sha256(of: config), size: Int64(config.count))
        let manifest = JSON.object([
            .init("schemaVersion", 2), .init("mediaType", .string(MediaType.ociManifest.text)),
            .init("config", configuration.json), .init("layers", .array(layers.map(\.json))),
        ]).serialized()
        let target = Descriptor(mediaType: .ociManifest, digest: .sha256(of: manifest), size: Int64(manifest.count))
        let documents = [target.digest: manifest, configuration.digest: config]
        let reference = try Reference(parsing: name).withDefaultTag.description
        state.withLock { state in
            state.documents.merge(documents) { $1 }
            state.images[reference] = Image(
                manifest: target, documents: documents, layers: layers, config: configuration)
        }
    }

    private func layer(_ seed: UInt64, _ size: Int64) throws -> Descriptor {
        if let known = state.withLock({ $0.known[seed] }) { return known }
        let source = GeneratedSource(seed: seed, size: size)
        var digester = Digester()
        try source.forEachPiece { digester.update($0) }
        let descriptor = Descriptor(mediaType: .ociLayer, digest: digester.finalize(), size: size)
        state.withLock { state in
            state.known[seed] = descriptor
            state.layers[descriptor.digest] = source
        }
        return descriptor
    }

    func image(_ name: String) throws -> Image {
        let reference = try Reference(parsing: name).withDefaultTag.description
        guard let image = state.withLock({ $0.images[reference] }) else { throw Missing(what: name) }
        return image
    }

    func source(_ digest: Digest) throws -> any BlobSource {
        let found = state.withLock { state -> (any BlobSource)? in
            state.layers[digest] ?? state.documents[digest].map { BytesSource($0) }
        }
        guard let found else { throw Missing(what: "\(digest)") }
        return found
    }

    /// The next transfer of that layer ends in its middle.
    func breakOnce(_ digest: Digest) { state.withLock { _ = $0.breaks.insert(digest) } }

    func resolve(_ reference: Reference, credential: Credential?) async throws -> Resolution {
        let digest = try reference.digest ?? image(reference.description).manifest.digest
        guard let bytes = state.withLock({ $0.documents[digest] }) else { throw Missing(what: "\(reference)") }
        return Resolution(
            descriptor: Descriptor(mediaType: .ociManifest, digest: digest, size: Int64(bytes.count)), body: nil,
            host: "day.example")
    }

    func tags(of repository: Repository, credential: Credential?) async throws -> [String] { [] }

    func document(
        _ descriptor: Descriptor, in repository: Repository, limit: Int, credential: Credential?
    ) async throws -> [UInt8] {
        guard let bytes = state.withLock({ $0.documents[descriptor.digest] }) else {
            throw Missing(what: "\(descriptor.digest)")
        }
        return bytes
    }

    func blob(
        _ descriptor: Descriptor, in repository: Repository, credential: Credential?, into receiver: any BlobReceiver
    ) async throws {
        let source = try source(descriptor.digest)
        var isWatched = false
        while receiver.offset < source.size {
            let piece = try source.read(at: receiver.offset, count: 1 << 20)
            try receiver.receive(piece.span.bytes)
            state.withLock { $0.served += Int64(piece.count) }
            guard !isWatched, receiver.offset >= source.size / 2 else { continue }
            isWatched = true
            try watch.withLock { $0 }()
            if state.withLock({ $0.breaks.remove(descriptor.digest) != nil }) { throw Missing(what: "the other half") }
        }
    }

    func part(
        _ range: Range<Int64>, of descriptor: Descriptor, in repository: Repository, credential: Credential?,
        route: BlobRoute, into receiver: any BlobReceiver
    ) async throws { throw PartsUnavailable() }

    func size(of digest: Digest, in repository: Repository, credential: Credential?) async throws -> Int64 {
        try source(digest).size
    }

    func referrers(of digest: Digest, in repository: Repository, credential: Credential?) async throws -> [UInt8]? {
        nil
    }

    struct Missing: Fault {
        let what: String
        var kind: FaultKind { .notFound }
        var description: String { "\(what) is not at day.example" }
    }
}
