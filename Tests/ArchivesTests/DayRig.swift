import Archives
import Catalogue
import Coordination
import OCI
import Pulling
import Registry
import Storage
import TestSupport
import Testing

/// Puller, mirror and loader on one disk, with a quota and a clock that stands still until it is set.
struct DayRig {
    let directory: TemporaryDirectory
    let registry = DayRegistry()
    let store: LocalContentStore
    let catalogue: Catalogue
    let collector: Collector
    let keeper: SpaceKeeper
    let puller: Puller
    let mirror: PullThrough
    let loader: ImageLoader
    private let seconds = Locked(Int64(1_700_000_000))
    private let limit: Int64
    private let highest = Locked((bytes: Int64(0), blocks: Int64(0)))

    init(limit: Int64, keepAtLeast: Duration, lowWatermark: Double = 1) async throws {
        self.limit = limit
        directory = try TemporaryDirectory("layerd-day")
        let seconds = self.seconds
        let now: @Sendable () -> Timestamp = { Timestamp(seconds: seconds.withLock { $0 }) }
        let store = try await LocalContentStore(root: directory.path("state"))
        self.store = store
        catalogue = try await Catalogue.open(path: directory.path("catalog.sqlite"), now: now)
        collector = Collector(store: store, catalogue: catalogue) { try await store.writeIndex($0) }
        var quota = Quota()
        (quota.maxSize, quota.keepAtLeast, quota.lowWatermark) = (limit, keepAtLeast, lowWatermark)
        keeper = SpaceKeeper(
            quota: quota, store: store, disk: store, catalogue: catalogue, collector: collector, now: now,
            tell: { _ in })
        collector.keepSpace(with: keeper)
        let events = ImageEventLog(now: now)
        puller = Puller(
            resolver: registry, fetcher: registry, store: store, catalogue: catalogue,
            limits: .init(total: 4, perHost: 4), events: events, collector: collector)
        mirror = PullThrough(
            puller: puller, registry: registry, store: store, catalogue: catalogue,
            registries: [MirroredRegistry(name: "docker.io")], servesPrivate: true, now: now)
        loader = ImageLoader(catalogue: catalogue, store: store, collector: collector, events: events)
        let (root, highest) = (store.root, self.highest)
        registry.watch.withLock { $0 = { try Self.look(root, limit, highest) } }
    }

    func wait(_ more: Int64) { seconds.withLock { $0 += more } }

    /// The most that was ever seen on the disk, in the middle of things or between them.
    var most: (bytes: Int64, blocks: Int64) { highest.withLock { $0 } }

    /// Looks at the disk now. What goes while somebody counts may have counted; what is too much is there again.
    @discardableResult func look() throws -> Measured { try Self.look(store.root, limit, highest) }

    @discardableResult
    private static func look(
        _ root: String, _ limit: Int64, _ highest: Locked<(bytes: Int64, blocks: Int64)>
    ) throws -> Measured {
        var found = try Measured(root)
        for _ in 0..<5 where found.bytes > limit { found = try Measured(root) }
        #expect(found.bytes <= limit)
        highest.withLock { $0 = (max($0.bytes, found.bytes), max($0.blocks, found.blocks)) }
        return found
    }

    func end() async throws {
        try await catalogue.close()
        store.close()
    }

    func names() async throws -> Set<String> { Set(try await catalogue.images().flatMap(\.tags).map(\.familiar)) }

    // MARK: bringing

    func pull(_ name: String) async throws {
        let pull = try await puller.pull(PullRequest(reference: try Reference(parsing: name)))
        for try await _ in pull.events {}
        _ = try await pull.outcome()
    }

    /// As `docker load` of an OCI layout of that image, read while it is made.
    func load(_ name: String) async throws {
        let image = try registry.image(name)
        try await loader.load(LayoutPieces(image, name: name, registry: registry, look: { try look() })) { _ in }
    }

    /// As an engine's pull from the mirror, of so many of the layers.
    func mirrored(_ name: String, layers: Int = .max) async throws {
        let reference = try Reference(parsing: name).withDefaultTag
        _ = try await mirror.manifest(reference)
        let image = try registry.image(name)
        for blob in [image.config] + image.layers.prefix(layers) {
            guard
                case .following(let feed, _) = try await mirror.blob(
                    blob.digest, in: reference.repository, headOnly: false)
            else { continue }
            var cursor = BlobFeed.Cursor(0..<feed.size)
            while try await feed.next(&cursor) != nil {}
        }
        // What is whole is entered behind the answer.
        for _ in 0..<2_000 where layers >= image.layers.count {
            if try await catalogue.image(named: reference)?.id == image.manifest.digest { return }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// The tar of an OCI layout of one image, piece by piece.
struct LayoutPieces: AsyncSequence, Sendable {
    private let parts: [any BlobSource]
    private let look: @Sendable () throws -> Void

    init(
        _ image: DayRegistry.Image, name: String, registry: DayRegistry, look: @escaping @Sendable () throws -> Void
    ) throws {
        var target = image.manifest
        target.annotations = ["io.containerd.image.name": try Reference(parsing: name).withDefaultTag.description]
        let index: JSON = ["schemaVersion": 2, "manifests": .array([target.json])]
        var files: [(String, any BlobSource)] = [
            ("oci-layout", BytesSource("{\"imageLayoutVersion\":\"1.0.0\"}")),
            ("index.json", BytesSource(index.serialized())),
        ]
        for digest in [image.manifest.digest, image.config.digest] + image.layers.map(\.digest) {
            files.append(("blobs/sha256/\(digest.hex)", try registry.source(digest)))
        }
        var parts: [any BlobSource] = []
        for (path, source) in files {
            let header = try Self.header(path, source)
            let rest = Int(source.size % 512)
            parts += [
                BytesSource(header), source, BytesSource([UInt8](repeating: 0, count: rest > 0 ? 512 - rest : 0)),
            ]
        }
        self.parts = parts + [BytesSource([UInt8](repeating: 0, count: 1024))]
        self.look = look
    }

    private static func header(_ path: String, _ source: any BlobSource) throws -> [UInt8] {
        struct Enough: Error {}
        var header: [UInt8] = []
        do {
            try TarWriter {
                header = $0
                throw Enough()
            }.append(.file(path, source))
        } catch is Enough {}
        return header
    }

    struct Iterator: AsyncIteratorProtocol {
        var parts: ArraySlice<any BlobSource>
        var offset: Int64 = 0
        let look: @Sendable () throws -> Void

        mutating func next() async throws -> [UInt8]? {
            while let part = parts.first {
                let piece = try part.read(at: offset, count: 1 << 20)
                offset += Int64(piece.count)
                if offset >= part.size {
                    parts = parts.dropFirst()
                    offset = 0
                }
                if piece.isEmpty { continue }
                if piece.count > 64 << 10 { try look() }
                return piece
            }
            return nil
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(parts: parts[...], look: look) }
}
