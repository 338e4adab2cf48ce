public import Catalogue
internal import Coordination
internal import Layers
public import OCI
public import Pulling
public import Storage

/// One step of a load, in the order in which clients are told.
public enum LoadStep: Sendable, Equatable {
    /// Bytes of a layer that are in the store now, and of how many.
    case layer(Digest, current: Int64, total: Int64)
    /// A tag that named another image and is about to name this one.
    case renaming(Reference, from: Digest)
    case loaded(Reference)
    /// An image that the archive does not name.
    case loadedID(Digest)
}

/// Takes archives in: all of their images, or none of them.
public struct ImageLoader: Sendable {
    private let catalogue: Catalogue
    private let store: any StagingStore
    private let limits: ArchiveLimits
    private let collector: Collector
    private let events: ImageEventLog
    /// Each load costs some memory, and the disk is one.
    private let slots = SlotQueue(total: 2, perKey: 2)

    /// - Parameter collector: spares what is being loaded, and keeps `index.json` up to date.
    public init(
        catalogue: Catalogue, store: any StagingStore, collector: Collector, events: ImageEventLog,
        limits: ArchiveLimits = ArchiveLimits()
    ) {
        self.catalogue = catalogue
        self.store = store
        self.collector = collector
        self.events = events
        self.limits = limits
    }

    /// Loads the archive that `pieces` are the bytes of: a docker archive of any age or an OCI layout, as a tar that
    /// may be compressed.
    ///
    /// Nothing is entered before all of it was read and checked. What fails before that leaves nothing behind.
    /// - Parameters:
    ///   - platform: of multi-platform images, that one alone.
    ///   - report: told of each step.
    /// - Returns: the images that were entered.
    /// - Throws: a ``Fault``; what `pieces` and `report` throw.
    @discardableResult
    public func load<Pieces: AsyncSequence & Sendable>(
        _ pieces: Pieces, platform: Platform? = nil, report: (LoadStep) async throws -> Void
    ) async throws -> [Digest] where Pieces.Element == [UInt8] {
        try await slots.withSlot(key: "load", lane: 0) {
            let lease = collector.lease()
            let images = try await read(pieces, platform, lease)
            try await keep(images, lease, report)
            for image in images { try await enter(image, report) }
            try await collector.updateIndex()
            for image in images { try await tell(image, report) }
            try await lease.end()
            return images.map(\.target.digest)
        }
    }

    private func read<Pieces: AsyncSequence>(
        _ pieces: Pieces, _ platform: Platform?, _ lease: Lease
    ) async throws -> [LoadedImage] where Pieces.Element == [UInt8] {
        let intake = ArchiveIntake(store: store, limits: limits) { [collector] bytes in
            try await collector.room(forStaging: bytes)
        }
        for try await piece in pieces { try await intake.take(piece) }
        return try await images(in: try await intake.finish(), platform, intake, lease)
    }

    /// What kind of archive it is, is told by what is in it; of a hybrid the OCI half counts, as in containerd.
    private func images(
        in table: ArchiveTable, _ platform: Platform?, _ intake: ArchiveIntake, _ lease: Lease
    ) async throws -> [LoadedImage] {
        if try table.file("oci-layout") != nil, let file = try table.file("index.json"),
            case .index(let index) = try ManifestDocument.read(
                try await intake.run { try file.read(limit: Index.maximumSize) }, .ociIndex, file: "index.json"),
            !index.manifests.isEmpty
        {
            return try await LayoutArchive(table: table, store: lease.store(store), platform: platform).images(index)
        }
        let archive = DockerArchive(table: table)
        let images: [LoadedImage]
        if let list = try table.file("manifest.json") {
            images = try await intake.run { try archive.images(listedIn: list) }
        } else if let repositories = try table.file("repositories") {
            images = try await intake.run { try archive.images(namedIn: repositories) }
        } else {
            throw ArchiveError.unrecognized
        }
        if let platform { try await check(platform, images) }
        return images
    }

    private func check(_ platform: Platform, _ images: [LoadedImage]) async throws {
        for image in images {
            for case .document(let bytes) in image.blobs.filter({ $0.entry.role == .config }).map(\.source) {
                let actual = try ImageConfig.read(bytes, file: "config").platform
                guard PlatformMatcher(platform).rank(actual) != nil else {
                    let name = image.names.first?.familiar ?? "\(image.target.digest)"
                    throw ArchiveError.platformNotHere(name, wanted: platform, actual: [actual])
                }
            }
        }
    }

    /// Gives the blobs their names in the store: several at once, so that their directory is synced once for all.
    private func keep(
        _ images: [LoadedImage], _ lease: Lease, _ report: (LoadStep) async throws -> Void
    ) async throws {
        let blobs = images.flatMap(\.blobs).distinct
        for blob in blobs { try await lease.hold(blob.entry.descriptor.digest) }
        // What is staged has its room.
        let room = try await collector.room(for: blobs.filter { !$0.isStaged }.map(\.entry.descriptor))
        defer { room?.end() }
        let fresh = try await withThrowingTaskGroup(of: Digest?.self) { group in
            var fresh = Set<Digest>()
            for (place, blob) in blobs.enumerated() {
                if place >= 8, let stored = try await group.next(), let stored { fresh.insert(stored) }
                group.addTask { try await keep(blob, lease) == .stored ? blob.entry.descriptor.digest : nil }
            }
            for try await stored in group { if let stored { fresh.insert(stored) } }
            return fresh
        }
        for image in images {
            for blob in image.blobs where blob.entry.role == .layer && fresh.contains(blob.entry.descriptor.digest) {
                guard let diffID = blob.entry.diffID else { continue }
                let total = blob.entry.descriptor.size
                if total > 32 << 10 { try await report(.layer(diffID, current: 32 << 10, total: total)) }
                try await report(.layer(diffID, current: total, total: total))
            }
        }
    }

    private func keep(_ blob: LoadedBlob, _ lease: Lease) async throws -> IngestOutcome {
        try await lease.hold(blob.entry.descriptor.digest)
        let bytes: [UInt8]
        switch blob.source {
        case .present: return .alreadyPresent
        case .file(let file):
            switch file.place {
            case .staged(let staged, let room):
                let outcome = try await store.commit(staged)
                if outcome == .stored { room?.end() }
                return outcome
            case .memory(let small): bytes = small
            }
        case .document(let document): bytes = document
        }
        return try await store.ingest(blob.entry.descriptor) { writer in
            try put(bytes, into: writer)
        }
    }

    /// All of a blob, whatever an earlier attempt left of it.
    private func put(_ bytes: [UInt8], into writer: any BlobWriter) throws {
        if writer.offset > 0 { try writer.restart() }
        try writer.append(bytes.span.bytes)
    }

    private func enter(_ image: LoadedImage, _ report: (LoadStep) async throws -> Void) async throws {
        let id = image.target.digest
        for name in image.names {
            if let other = try await catalogue.image(named: name), other.id != id {
                try await report(.renaming(name, from: other.id))
            }
        }
        try await catalogue.record(image.entry, named: image.names)
        // What the load has inflated nobody needs to inflate again.
        for blob in image.blobs.map(\.entry) where blob.role == .layer {
            guard let diffID = blob.diffID, let size = blob.unpackedSize else { continue }
            try await catalogue.learn(blob.descriptor.digest, .unpacked(diffID: diffID, size: size))
        }
        events.post(.loaded(id, labels: [String: String](labels: image.labels)))
    }

    private func tell(_ image: LoadedImage, _ report: (LoadStep) async throws -> Void) async throws {
        for name in image.names { try await report(.loaded(name)) }
        if image.names.isEmpty { try await report(.loadedID(image.target.digest)) }
    }
}
