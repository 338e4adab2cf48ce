public import Catalogue
internal import Coordination
public import OCI
internal import Registry
public import Storage

/// A blob for a client.
public enum MirroredBlob: Sendable {
    /// Verified: every byte may go out at once.
    case whole(BlobFile)
    /// Comes in, or is hashed for the first time: to be followed.
    case following(BlobFeed, MirrorSource)
    /// For those who only want to know: it can be had, and has this length in bytes.
    case known(size: Int64)

    /// In bytes.
    public var size: Int64 {
        switch self {
        case .whole(let file): file.size
        case .following(let feed, _): feed.size
        case .known(let size): size
        }
    }
}

extension PullThrough {
    /// A blob that anybody may read and that is verified and in demand, without waiting; `nil` says nothing.
    public func blobNow(_ digest: Digest) -> BlobFile? {
        guard isShown(digest), let file = store.servableNow(digest) else { return nil }
        catalogue.touch(digest)
        return file
    }

    /// Keeps the images that use the blob from being removed while a client is given it; `nil` for so few bytes that
    /// they have gone out before anybody could.
    public func reading(_ digest: Digest, bytes: Int64) -> ImageReading? {
        bytes < Self.countedBytes ? nil : catalogue.reading(blob: digest)
    }

    private static let countedBytes: Int64 = 64 << 10

    /// A blob, wherever it is. One that is not here is brought, by one transfer for all; the answer comes when its
    /// first byte has, or when it is known that it will.
    /// - Parameter headOnly: nothing is brought.
    /// - Throws: a ``Fault``, or `CancellationError`.
    public func blob(_ digest: Digest, in repository: Repository, headOnly: Bool) async throws -> MirroredBlob {
        if let file = blobNow(digest) { return .whole(file) }
        guard serves(repository.domain) else { throw PullThroughError.notServed(repository.domain) }
        let place = Place(repository: repository, digest: digest)
        if let servable = try await store.servable(digest) {
            let isShown = try await mayShow(digest, in: repository) { _ = try await length(at: place) }
            guard isShown else { throw PullThroughError.withheld(repository) }
            catalogue.touch(digest)
            switch servable {
            case .verified(let file): return .whole(file)
            case .unverified(let feed): return .following(feed, .hit)
            }
        }
        try checkLack(place.text)
        // Asked a moment ago: a crowd that comes one after the other is one question. (Whether stored content may be
        // shown is asked anew, above.)
        let size = if let size = fetchable[place] { size } else { try await length(at: place) }
        if headOnly { return .known(size: size) }
        return .following(try await bring(place, size), .tail)
    }

    /// As a manifest shown under the same repository says; else as the registry does.
    private func length(at place: Place) async throws -> Int64 {
        if let descriptor = named[place] { return descriptor.size }
        return try await patiently(sizing, place, place.text, patience.blob) { [self] in try await probe(place) }
    }

    private func bring(_ place: Place, _ size: Int64) async throws -> BlobFeed {
        var descriptor = named[place] ?? Descriptor(mediaType: .octets, digest: place.digest, size: size)
        // Of what a manifest names, everything is asked for as a blob here, whatever its type.
        if descriptor.mediaType.isManifest || descriptor.mediaType.isIndex { descriptor.mediaType = .octets }
        let feed = flights.withLock { flights -> (feed: BlobFeed, isNew: Bool) in
            if let feed = flights[place.digest], feed.size == descriptor.size { return (feed, false) }
            let feed = store.follow(descriptor)
            flights[place.digest] = feed
            return (feed, true)
        }
        if feed.isNew {
            // Unstructured: the transfer is for all who want the blob now or later, and nobody's leaving ends it. It
            // ends with the HTTP client at the latest, and then so does the feed.
            Task { await fly(descriptor, place, feed.feed) }
        }
        try await begun(feed.feed, place)
        return feed.feed
    }

    private func fly(_ descriptor: Descriptor, _ place: Place, _ feed: BlobFeed) async {
        do {
            let room = try await work.collector.room(for: [descriptor])
            defer { room?.end() }
            try await asking(place.repository) {
                try await work.transfers.bring(
                    descriptor, from: TransferSource(repository: place.repository, credential: nil),
                    lane: Self.lane(of: place.repository)
                ) { _ in }
            }
            await store.arrived(feed)
        } catch {
            noteFailure(of: place, error)
            feed.fail(error)
        }
        flights.withLock { flights in
            if flights[place.digest] === feed { flights[place.digest] = nil }
        }
        store.stopFollowing(feed)
        await assembly.arrived(place.digest)
    }

    /// Returns when the first byte is here; also when it is not, but the registry said it would come.
    private func begun(_ feed: BlobFeed, _ place: Place) async throws {
        let wait = Wait<Void>()
        let waiter = Task {
            do {
                try await feed.begun()
                wait.settle(.success(()))
            } catch { wait.settle(.failure(error)) }
        }
        let timer = Task { [patience, fetchable] in
            do { try await Task.sleep(for: patience.blob) } catch { return }
            let isPromised = fetchable[place] != nil
            wait.settle(isPromised ? .success(()) : .failure(PullThroughError.slow(place.text)))
        }
        defer {
            waiter.cancel()
            timer.cancel()
        }
        try await wait.value()
    }

    /// Blobs of one repository go one after the other's turn, as those of a pull do; pulls have small numbers.
    private static func lane(of repository: Repository) -> UInt64 {
        UInt64(bitPattern: Int64(repository.hashValue)) | 1 << 63
    }
}

extension MediaType {
    fileprivate static let octets = MediaType("application/octet-stream")
}
