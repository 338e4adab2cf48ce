public import Catalogue
internal import Coordination
internal import Glibc
internal import Hashing
internal import Layers
public import OCI
public import Pulling
public import Storage

/// Writes images of the store as one archive.
public struct ImageSaver: Sendable {
    private let catalogue: Catalogue
    private let store: any ContentStore
    private let collector: Collector
    private let events: ImageEventLog
    /// How often a plan that something came between is begun.
    private static let attempts = 5

    /// - Parameter collector: spares what is being saved.
    public init(catalogue: Catalogue, store: any ContentStore, collector: Collector, events: ImageEventLog) {
        self.catalogue = catalogue
        self.store = store
        self.collector = collector
        self.events = events
    }

    /// Settles what the archive will hold, in docker's reading of names: `repository:tag` is that tag, a repository
    /// alone is all its tags, an ID is an image without tags. Blobs that images share are in it once.
    /// - Parameter platform: that one's manifest alone, in place of all that is here of an image.
    /// - Throws: a ``Fault``: `.notFound`, `.invalidInput`, and `.integrity` for a blob that is gone.
    public func plan(_ names: [String], platform: Platform? = nil) async throws -> SavePlan {
        guard !names.isEmpty else { throw ArchiveError.nothingToSave }
        var order: [Digest] = []
        var wanted: [Digest: (image: ImageSummary, tags: [Reference], name: String)] = [:]
        for name in names {
            for (image, tag) in try await find(name) {
                if wanted[image.id] == nil { order.append(image.id) }
                wanted[image.id, default: (image, [], name)].tags += tag.map { [$0] } ?? []
            }
        }
        let lease = collector.lease()
        var saved: [SavedImage] = []
        for id in order {
            guard let (image, all, name) = wanted[id] else { continue }
            var seen = Set<Reference>()
            let tags = all.filter { seen.insert($0).inserted }
            saved.append(
                try await steadily(image, name) {
                    try await content(of: image, tags: tags, name: name, platform: platform, in: lease.store(store))
                })
        }
        return SavePlan(saved, lease: lease)
    }

    /// A removal, and a load after it, may come between two of the questions that a plan asks of an image: then it is
    /// not there, or is asked about anew.
    private func steadily<Value>(
        _ image: ImageSummary, _ name: String, _ settle: () async throws -> Value
    ) async throws -> Value {
        for _ in 1..<Self.attempts {
            do { return try await settle() } catch let fault as any Fault
                where fault.kind == .notFound || fault.kind == .integrity
            {
                guard try await catalogue.image(image.id) != nil else { throw CatalogueError.noSuchImage(name) }
            }
        }
        return try await settle()
    }

    /// Writes the archive in pieces of at most 256 KiB. Every blob is hashed on its way.
    /// - Throws: a ``Fault``: `.integrity` when a blob turns out damaged, after which nothing more is to be sent, so
    ///   that nobody takes the half for a whole; what `send` throws.
    public func write(_ plan: SavePlan, _ send: ([UInt8]) async throws -> Void) async throws {
        let reader = BlobReader()
        let readings = plan.images.map { catalogue.reading($0.id) }
        defer { for reading in readings { reading.end() } }
        for (member, content) in plan.entries {
            try await send(TarEncoder.header(member))
            switch content {
            case .none: continue
            case .bytes(let bytes): try await send(bytes)
            case .blob(let digest): try await copy(digest, size: member.size, reader, send)
            }
            let padding = TarEncoder.padding(after: member.size)
            if !padding.isEmpty { try await send(padding) }
        }
        try await send(TarEncoder.endMark)
        for image in plan.images {
            catalogue.touch(image.id)
            events.post(.saved(image.id, labels: [String: String](labels: image.labels)))
        }
        try await plan.lease.end()
    }

    private func copy(
        _ digest: Digest, size: Int64, _ reader: BlobReader, _ send: ([UInt8]) async throws -> Void
    ) async throws {
        let file = try await store.open(digest)
        guard file.size == size else { throw ArchiveError.rotten(digest) }
        await reader.begin(digest.algorithm)
        var offset: Int64 = 0
        while offset < size {
            try Task.checkCancellation()
            let piece = try await reader.piece(of: file, digest, at: offset)
            offset += Int64(piece.count)
            // The last bytes are withheld until all of them are known to be right.
            if offset == size { try await store.concluded(digest, file, actual: await reader.digest) }
            try await send(piece)
        }
    }

    private func find(_ name: String) async throws -> [(image: ImageSummary, tag: Reference?)] {
        if (try? Digest(parsing: name)) != nil || name.utf8.count == 64 {
            return [(try await catalogue.resolve(name), nil)]
        }
        let reference = try Reference(parsing: name)
        if reference.tag == nil, reference.digest == nil {
            let tags = try await catalogue.names().map(\.reference)
                .filter { $0.repository == reference.repository && $0.tag != nil }
            var found: [(image: ImageSummary, tag: Reference?)] = []
            for tag in tags {
                if let image = try await catalogue.image(named: tag) { found.append((image, tag)) }
            }
            if !found.isEmpty { return found }
        } else if let image = try await catalogue.image(named: reference) {
            return [(image, reference.digest == nil ? reference : nil)]
        }
        let image = try await catalogue.resolve(name)
        // By an ID's beginning, or because it has got its name this moment.
        let isNamed = image.tags.contains(reference)
        return [(image, isNamed ? reference : nil)]
    }

    private func content(
        of image: ImageSummary, tags: [Reference], name: String, platform: Platform?,
        in store: any ContentStore
    ) async throws -> SavedImage {
        let manifests = try await catalogue.manifests(of: image.id).filter(\.available)
        guard !manifests.isEmpty else { throw ArchiveError.nothingHere(name) }
        let images = manifests.filter { $0.kind == .image && $0.config?.mediaType.isImageConfig == true }
        var platforms: [Platform?] = []
        for entry in images { platforms.append(try await self.platform(of: entry)) }
        let shown = best(platforms, wanted: platform).map { images[$0] }
        var target = image.target
        var blobs = try await catalogue.blobs(of: image.id).map { (digest: $0.digest, size: $0.size) }
        if let platform {
            guard let shown, let config = shown.config else {
                throw ArchiveError.platformNotHere(name, wanted: platform, actual: platforms.compactMap(\.self))
            }
            target = shown.descriptor
            blobs = ([shown.descriptor, config] + shown.layers).map { ($0.digest, $0.size) }
        }
        // Removed since its manifests were listed.
        guard blobs.contains(where: { $0.digest == target.digest }) else { throw ArchiveError.nothingHere(name) }
        for blob in blobs {
            guard try await store.size(of: blob.digest) == blob.size else { throw ArchiveError.rotten(blob.digest) }
        }
        return SavedImage(summary: image, target: target, tags: tags, blobs: blobs, shown: shown)
    }

    /// As the index names it, or else the config.
    private func platform(of entry: ManifestEntry) async throws -> Platform? {
        if let platform = entry.descriptor.platform { return platform }
        guard let config = entry.config else { return nil }
        return try ImageConfig(parsing: await store.read(config.digest, limit: ImageConfig.maximumSize)).platform
    }

    /// - Parameter wanted: `nil` prefers the host's, and takes the first where the host has none.
    private func best(_ platforms: [Platform?], wanted: Platform?) -> Int? {
        let matcher = PlatformMatcher(wanted ?? .host, strict: wanted != nil)
        let ranked = platforms.enumerated().compactMap { place, platform in
            platform.flatMap(matcher.rank).map { (place: place, rank: $0) }
        }
        return ranked.min { $0.rank < $1.rank }?.place ?? (wanted == nil ? platforms.indices.first : nil)
    }
}

/// Reads and hashes blobs on a thread of its own: reading waits for the disk.
private actor BlobReader {
    private static let pieceSize = 256 << 10

    private let executor = ThreadExecutor(name: "save")
    private var digester = Digester()

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Of the bytes read since ``begin(_:)``.
    var digest: Digest { digester.finalize() }

    func begin(_ algorithm: Digest.Algorithm) { digester = Digester(algorithm) }

    func piece(of file: BlobFile, _ digest: Digest, at offset: Int64) throws -> [UInt8] {
        let wanted = Int(min(Int64(Self.pieceSize), file.size - offset))
        let piece = [UInt8](unsafeUninitializedCapacity: wanted) { room, count in
            // INVARIANT: `room` has `wanted` bytes, and `pread` fills at most as many.
            while count < wanted {
                let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(room)[count...])
                let more = pread(file.descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(count))
                if more > 0 { count += more } else if more == 0 || errno != EINTR { break }
            }
        }
        guard piece.count == wanted else { throw ArchiveError.rotten(digest) }
        digester.update(piece)
        return piece
    }
}
