internal import Catalogue
internal import OCI
internal import Pulling
internal import Synchronization

/// `POST /images/prune`.
extension EngineRoutes {
    private static let pruneFilters: Set<String> = ["dangling", "label", "label!", "until"]

    /// Removes images without names, or with `dangling=false` all that nobody holds, and answers with the bytes that
    /// the files had which went.
    func imagePrune(_ call: Call) async throws -> JSON {
        let filters = try Filters(parsing: call["filters"])
        var filter = try ImageFilter(filters, known: Self.pruneFilters, now: context.now())
        let onlyDangling = filter.dangling ?? true
        filter.dangling = onlyDangling ? true : nil
        guard context.pruning.begin() else { throw EngineError.pruneRunning }
        defer { context.pruning.end() }
        let chosen = filter
        let unused = try await context.catalogue.reduceImages(into: [Digest]()) { unused, image in
            if image.holders == 0, chosen.apply(to: ImageRow(image)) != nil { unused.append(image.id) }
        }
        // What is named, pinned or read since that list was made stays.
        let removed = try await context.collector.remove(
            images: unused, sparing: onlyDangling ? [.named, .held] : .held)
        context.events.post(.pruned(bytes: removed.bytes))
        return pruneReport(removed)
    }
}

/// Names, images and blobs that went, each image's names before it. The docker command prints no bytes without them.
func pruneReport(_ removed: RemovedImages) -> JSON {
    var rows: [JSON] = []
    var told = Set<Digest>()
    for image in removed.removal.images {
        rows += image.tags.map { ["Untagged": .string($0.familiar)] }
        rows.append(["Deleted": .string(image.id.description)])
        told.insert(image.id)
    }
    // In the order in which they came, and only if their files are gone: what somebody still reads goes later.
    let freed = Set(removed.collected.freed.map(\.digest))
    for blob in removed.removal.blobs where freed.contains(blob.digest) && told.insert(blob.digest).inserted {
        rows.append(["Deleted": .string(blob.digest.description)])
    }
    return ["ImagesDeleted": rows.isEmpty ? .null : .array(rows), "SpaceReclaimed": .integer(removed.bytes)]
}

/// Lets one prune run at a time: a second would only find what the first leaves.
final class PruneGuard: Sendable {
    private let isRunning = Atomic(false)

    /// Whether it may begin; then ``end()`` has to follow.
    func begin() -> Bool {
        isRunning.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    }

    func end() { isRunning.store(false, ordering: .releasing) }
}
