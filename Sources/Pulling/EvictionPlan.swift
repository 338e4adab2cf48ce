public import Catalogue
internal import OCI

/// What one image is worth to the cache, and what would come free with it.
///
/// Worth is how often the image was used for the time it has been here, with recent use weighing more, times what it
/// costs to fetch again for each byte that would come free. The cost of a pull is its bytes and one of the registry's
/// pulls, which an allowance may limit: small images are kept a little longer.
public struct ImageWorth: Sendable, Equatable {
    /// Bytes that would go with it: of blobs that nothing else uses.
    public var frees: Int64
    /// Uses per hour, aged.
    public var rate: Double
    /// Lower goes first.
    public var value: Double

    /// A pull from the registry counts as so many bytes.
    static let pullCost = 4_000_000.0

    init(_ image: ImageSummary, frees: Int64, now: Timestamp) {
        self.frees = frees
        let age = Double(max(0, now.seconds - image.recorded.seconds))
        let idle = Double(max(0, now.seconds - image.lastUsed.seconds))
        rate = Double(image.uses + 1) * 3600 / (age + 2 * idle + 3600)
        value = frees > 0 ? rate * (1 + ImageWorth.pullCost / Double(frees)) : .infinity
    }
}

/// Which images go, in order, to make room: a value computed from one reading of the catalogue.
public struct EvictionPlan: Sendable {
    /// One image that goes.
    public struct Victim: Sendable {
        public var image: ImageSummary
        public var worth: ImageWorth
    }

    /// Why an image may not go.
    public enum Stay: String, Sendable {
        case pinned, inUse = "in use", young = "younger than keep-at-least"
    }

    public private(set) var victims: [Victim] = []
    /// Bytes that come free with all of ``victims``.
    public private(set) var frees: Int64 = 0
    /// What may not go.
    public private(set) var staying: [(image: ImageSummary, why: Stay)] = []

    /// - Parameters:
    ///   - wanted: bytes to free; the plan ends when it has them, or nothing more may go.
    ///   - isHeld: blobs that somebody counts on just now. They stay when their images go.
    init(
        _ sharing: Sharing, wanted: Int64, keepAtLeast: Duration, now: Timestamp, isHeld: (Digest) -> Bool
    ) {
        var users = [Int](repeating: 0, count: sharing.blobs.count)
        for (place, blob) in sharing.blobs.enumerated() where isHeld(blob.digest) { users[place] = 1 }
        var left: [(summary: ImageSummary, blobs: [Int])] = []
        for image in sharing.images {
            for blob in image.blobs { users[blob] += 1 }
            if let why = Self.stay(image.summary, keepAtLeast: keepAtLeast, now: now) {
                staying.append((image.summary, why))
            } else {
                left.append(image)
            }
        }
        // One that frees nothing by itself shares all it has; such go last, the least used first, as others of their
        // kind may have to go with them.
        var queue = EvictionQueue(left, of: sharing, users: users, now: now)
        while frees < wanted, let next = queue.removeLeast() {
            frees += next.worth.frees
            victims.append(Victim(image: next.image, worth: next.worth))
        }
        staying.sort { $0.image.size > $1.image.size }
    }

    /// Why this image may not go now; `nil` when it may.
    static func stay(_ image: ImageSummary, keepAtLeast: Duration, now: Timestamp) -> Stay? {
        if image.pins > 0 { return .pinned }
        if image.holders > 0 { return .inUse }
        let last = max(image.recorded, image.lastUsed)
        return now.seconds - last.seconds < keepAtLeast.components.seconds ? .young : nil
    }
}

extension Sharing {
    /// Bytes of those of the blobs that have one user.
    func bytesAlone(_ blobs: [Int], users: [Int]) -> Int64 {
        blobs.reduce(0) { $0 + (users[$1] == 1 ? self.blobs[$1].size : 0) }
    }
}
