internal import Coordination
public import Catalogue
public import OCI
public import Observability
public import Storage

/// Removes images, and the blobs that nobody needs any more, beside running pulls.
///
/// Who removes drops names and images from the catalogue and then asks for the blobs to be collected; a blob that
/// somebody's ``Lease`` holds stays until that ends, and a blob that an image uses again by then stays for good. Nobody
/// ever ends another's lease.
public final class Collector: Sendable {
    /// A point between two steps of a collection, at which tests put a pull.
    enum Step: Sendable, Equatable {
        /// The catalogue has let go of the blobs, and nothing is claimed yet.
        case dropped
        case claimed
        /// No image uses the claimed blobs, and their files are still there.
        case checked
        case removed
    }

    let store: any ContentStore
    let catalogue: Catalogue
    let table = Locked(LeaseTable())
    private let metrics: DaemonMetrics
    let events: ImageEventLog?
    let observe: @Sendable (Step) async -> Void
    let keeper = Locked(SpaceKeeper?.none)
    private let writeIndex: @Sendable ([NamedDescriptor]) async throws -> Void
    private let indexTurn = SlotQueue(total: 1, perKey: 1)

    /// - Parameters:
    ///   - metrics: counts what is freed.
    ///   - events: hears of every name and image that goes, whoever removes it.
    ///   - project: writes the store's `index.json` from the catalogue's names.
    public convenience init(
        store: any ContentStore, catalogue: Catalogue, metrics: DaemonMetrics = DaemonMetrics(),
        events: ImageEventLog? = nil,
        project: @escaping @Sendable ([NamedDescriptor]) async throws -> Void
    ) {
        self.init(store: store, catalogue: catalogue, metrics: metrics, events: events, project: project) { _ in }
    }

    init(
        store: any ContentStore, catalogue: Catalogue, metrics: DaemonMetrics = DaemonMetrics(),
        events: ImageEventLog? = nil,
        project: @escaping @Sendable ([NamedDescriptor]) async throws -> Void,
        observe: @escaping @Sendable (Step) async -> Void
    ) {
        self.store = store
        self.catalogue = catalogue
        self.metrics = metrics
        self.events = events
        writeIndex = project
        self.observe = observe
    }

    /// A lease that holds nothing yet.
    public func lease() -> Lease { Lease(self) }

    /// Whether some lease holds the blob now.
    public func isHeld(_ digest: Digest) -> Bool { table.withLock { $0.isHeld(digest) } }

    /// Blobs that leases hold now.
    public var heldBlobs: Int { table.withLock { $0.heldCount } }

    /// Brings `index.json` up to date with the catalogue's names, pins included. One after the other, so that an older
    /// state never overwrites a newer one.
    public func updateIndex() async throws {
        try await indexTurn.withSlot(key: "index", lane: 0) {
            try await writeIndex(try await catalogue.names().map(NamedDescriptor.init))
        }
    }

    /// Removes names and images, then the blobs that came free: the one way for `rmi`, prune, gc and eviction.
    ///
    /// What is not there any more is no error. The index is up to date when this returns.
    public func remove(
        names: [Reference] = [], images: some Sequence<Digest> & Sendable, sparing: Sparing = []
    ) async throws -> RemovedImages {
        let removal = try await onFullDisk {
            try await catalogue.remove(names: names, images: images, sparing: sparing)
        }
        try await tell(of: removal)
        if !removal.names.isEmpty || !removal.images.isEmpty { try await updateIndex() }
        await observe(.dropped)
        let collected = try await collect(removal.blobs.map(\.digest))
        if !collected.freed.isEmpty { await takeReserve() }
        return RemovedImages(removal: removal, collected: collected)
    }

    /// Removes manifests, each a platform's, from an image that stays, and the blobs that came free.
    /// - Throws: ``CatalogueError/noSuchImage(_:)``.
    public func withdraw(_ manifests: Set<Digest>, from image: Digest) async throws -> Collected {
        let blobs = try await onFullDisk { try await catalogue.withdraw(manifests, from: image) }
        return try await collect(blobs.map(\.digest))
    }

    /// Makes a change that is to free room, and for which there may be none: then once more, with the room that the
    /// store holds for that.
    private func onFullDisk<Value>(_ change: () async throws -> Value) async throws -> Value {
        do { return try await change() } catch let fault as any Fault where fault.kind == .outOfSpace {
            guard try await store.giveReserve() else { throw fault }
            return try await change()
        }
    }

    /// Where there is no room for it yet, the next removal or start takes it.
    private func takeReserve() async { do { try await store.takeReserve() } catch {} }

    /// The names in their order, then the images; with the labels of images that stay without a name, too.
    private func tell(of removal: Removal) async throws {
        guard let events else { return }
        var labels = Dictionary(removal.images.map { ($0.id, $0.labels) }, uniquingKeysWith: { $1 })
        for (reference, id) in removal.names {
            let known = if let known = labels[id] { known } else { try await catalogue.image(id)?.labels ?? [] }
            labels[id] = known
            events.post(.untagged(id, from: reference, labels: Dictionary(labels: known)))
        }
        for image in removal.images {
            for tag in image.tags {
                events.post(.untagged(image.id, from: tag, labels: Dictionary(labels: image.labels)))
            }
            events.post(.deleted(image.id))
        }
    }

    /// Removes those of the blobs that no image uses and no lease holds; what a lease holds goes when that ends, if no
    /// image uses it by then. Also takes up what earlier collections had to leave.
    @discardableResult
    public func collect(_ blobs: some Sequence<Digest>) async throws -> Collected {
        var collected = Collected()
        var seen = Set<Digest>()
        let wanted = (Array(blobs) + table.withLock { $0.due }).filter { seen.insert($0).inserted }
        var start = 0
        while start < wanted.count {
            let batch = wanted[start..<min(start + Self.batch, wanted.count)]
            start += Self.batch
            let claimed = table.withLock { $0.claim(batch) }
            collected.left += Set(batch).subtracting(claimed)
            guard !claimed.isEmpty else { continue }
            defer { for wait in table.withLock({ $0.end(claimed) }) { wait.settle(.success(())) } }
            await observe(.claimed)
            let garbage = try await catalogue.unused(of: claimed)
            await observe(.checked)
            collected.freed += try await removeFiles(garbage)
            await observe(.removed)
        }
        metrics.freed[].add(collected.bytes)
        return collected
    }

    /// As many as wait for one another at a time: few enough that a pull that wants one of them hardly waits, enough
    /// that they share the directory's sync.
    private static let batch = 256

    /// Returns what was there, with its length as it was found. Nobody else changes a claimed blob.
    private func removeFiles(_ digests: [Digest]) async throws -> [FreedBlob] {
        try await withThrowingTaskGroup(of: FreedBlob?.self) { group in
            for digest in digests {
                group.addTask { [store] in
                    guard let size = try await store.size(of: digest) else { return nil }
                    try await store.remove(digest)
                    return FreedBlob(digest: digest, size: size)
                }
            }
            return try await group.reduce(into: []) { freed, blob in if let blob { freed.append(blob) } }
        }
    }
}

/// A blob whose file was removed.
public struct FreedBlob: Sendable, Hashable {
    public var digest: Digest
    /// The file's length in bytes.
    public var size: Int64
}

/// What a collection came to.
public struct Collected: Sendable {
    public var freed: [FreedBlob] = []
    /// Blobs that somebody holds or removes just now.
    public var left: [Digest] = []
    /// Bytes of the files that were removed.
    public var bytes: Int64 { freed.reduce(0) { $0 + $1.size } }
}

/// What a removal of images came to.
public struct RemovedImages: Sendable {
    public var removal: Removal
    public var collected: Collected
    /// Bytes of the files that were removed.
    public var bytes: Int64 { collected.bytes }
}

extension NamedDescriptor {
    init(_ name: NameEntry) {
        self.init(
            reference: name.reference, descriptor: name.descriptor, isPinned: name.isPinned, isPrivate: name.isPrivate)
    }
}
