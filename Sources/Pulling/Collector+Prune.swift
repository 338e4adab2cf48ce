public import Catalogue
internal import Coordination
internal import OCI

/// What a prune chose, and removed unless it was dry.
public struct PruneReport: Sendable {
    /// As they were before.
    public var images: [ImageSummary]
    /// What the disk got back, or would get back: bytes of files.
    public var bytes: Int64
}

extension Collector {
    /// Removes the images that nobody names, or with `all` every image that nobody holds; pinned images and images that
    /// are read stay.
    /// - Parameter dryRun: removes nothing. What it says is what the files of the same choice free, to the byte: but
    ///   those that pulls hold just now, which a removal leaves to them.
    public func prune(all: Bool, dryRun: Bool) async throws -> PruneReport {
        let chosen = try await catalogue.reduceImages(into: [ImageSummary]()) { chosen, image in
            guard image.holders == 0, all || (image.tags.isEmpty && image.digests.isEmpty) else { return }
            chosen.append(image)
        }
        guard !dryRun else {
            let held = table.withLock { $0.held }
            return PruneReport(
                images: chosen, bytes: try await catalogue.reclaimable(of: Set(chosen.map(\.id)), besides: held))
        }
        let removed = try await remove(images: chosen.map(\.id), sparing: all ? .held : [.held, .named])
        events?.post(.pruned(bytes: removed.bytes))
        return PruneReport(images: removed.removal.images, bytes: removed.bytes)
    }
}
