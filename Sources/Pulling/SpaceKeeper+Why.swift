public import Catalogue
public import OCI

/// Why an image is here, and when it would go.
public struct ImageStanding: Sendable {
    public var image: ImageSummary
    public var worth: ImageWorth
    /// Why it may not go now; `nil` when it may.
    public var stays: EvictionPlan.Stay?
    /// Its place among those that may go, the next to go being 1, and the bytes that come free before it is its turn.
    public var turn: Int?, freedBefore: Int64?
}

extension SpaceKeeper {
    /// Where the image stands that `text` means: a name, an ID, or its first digits.
    /// - Throws: a ``Fault``, `.notFound`.
    public func standing(of text: String) async throws -> ImageStanding {
        let id = try await catalogue.resolve(text).id
        let sharing = try await sharing()
        let plan = plan(freeing: .max, of: sharing)
        guard let found = sharing.images.first(where: { $0.summary.id == id }) else {
            throw CatalogueError.noSuchImage(text)
        }
        var users = [Int](repeating: 0, count: sharing.blobs.count)
        for image in sharing.images { for blob in image.blobs { users[blob] += 1 } }
        let frees = sharing.bytesAlone(found.blobs, users: users)
        let place = plan.victims.firstIndex { $0.image.id == id }
        return ImageStanding(
            image: found.summary, worth: ImageWorth(found.summary, frees: frees, now: now()),
            stays: EvictionPlan.stay(found.summary, keepAtLeast: quota.keepAtLeast, now: now()),
            turn: place.map { $0 + 1 },
            freedBefore: place.map { plan.victims[..<$0].reduce(0) { $0 + $1.worth.frees } })
    }

    /// The images that use a blob; empty when none does.
    public func users(of digest: Digest) async throws -> [ImageSummary] {
        let sharing = try await catalogue.sharing()
        guard let place = sharing.blobs.firstIndex(where: { $0.digest == digest }) else { return [] }
        return sharing.images.filter { $0.blobs.contains(place) }.map(\.summary)
    }
}
