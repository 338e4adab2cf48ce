internal import Catalogue
internal import OCI

/// Images that may go, the one of least worth first. When one goes, others free more than before: only those are looked
/// at again, so that a plan over n images costs n log n.
struct EvictionQueue {
    /// An image's worth as it was at some time. What came free since makes a new one, and the old one is passed over.
    private struct Entry {
        let worth: ImageWorth
        let place: Int

        static func < (one: Entry, other: Entry) -> Bool {
            (one.worth.value, one.worth.rate, one.place) < (other.worth.value, other.worth.rate, other.place)
        }
    }

    private let images: [(summary: ImageSummary, blobs: [Int])]
    private let sharing: Sharing
    private let now: Timestamp
    /// Of each blob: who needs it in all; how many images of the queue use it, and the sum of their places, which is
    /// the place of the last one when only that is left.
    private var users: [Int], inside: [Int], places: [Int]
    /// Of each image; `nil` once it is gone.
    private var frees: [Int64?]
    private var heap: [Entry] = []

    /// - Parameters:
    ///   - images: some of the catalogue's.
    ///   - users: of each blob, those images and all others that need it.
    init(_ images: [(summary: ImageSummary, blobs: [Int])], of sharing: Sharing, users: [Int], now: Timestamp) {
        self.images = images
        self.sharing = sharing
        self.now = now
        self.users = users
        (inside, places) = ([Int](repeating: 0, count: users.count), [Int](repeating: 0, count: users.count))
        frees = images.map { sharing.bytesAlone($0.blobs, users: users) }
        for (place, image) in images.enumerated() {
            for blob in image.blobs {
                inside[blob] += 1
                places[blob] += place
            }
        }
        // Sorted it is a heap.
        heap = images.indices.compactMap(entry).sorted { $0 < $1 }
    }

    private func entry(_ place: Int) -> Entry? {
        frees[place].map { Entry(worth: ImageWorth(images[place].summary, frees: $0, now: now), place: place) }
    }

    /// The next to go, and what it is worth by then.
    mutating func removeLeast() -> (image: ImageSummary, worth: ImageWorth)? {
        while let least = removeFirst() {
            guard frees[least.place] == least.worth.frees else { continue }
            frees[least.place] = nil
            var richer: Set<Int> = []
            for blob in images[least.place].blobs {
                users[blob] -= 1
                inside[blob] -= 1
                places[blob] -= least.place
                guard users[blob] == 1, inside[blob] == 1 else { continue }
                frees[places[blob]] = frees[places[blob]].map { $0 + sharing.blobs[blob].size }
                richer.insert(places[blob])
            }
            for entry in richer.compactMap(entry) { insert(entry) }
            return (images[least.place].summary, least.worth)
        }
        return nil
    }

    private mutating func insert(_ entry: Entry) {
        heap.append(entry)
        var place = heap.count - 1
        while place > 0, heap[place] < heap[(place - 1) / 2] {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func removeFirst() -> Entry? {
        guard let last = heap.popLast() else { return nil }
        guard let first = heap.first else { return last }
        heap[0] = last
        var place = 0
        while let child = [2 * place + 1, 2 * place + 2].filter({ $0 < heap.count }).min(by: { heap[$0] < heap[$1] }),
            heap[child] < heap[place]
        {
            heap.swapAt(place, child)
            place = child
        }
        return first
    }
}
