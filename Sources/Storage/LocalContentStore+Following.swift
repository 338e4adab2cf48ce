internal import Coordination
internal import Glibc
internal import Hashing
public import OCI

/// A blob as it can be served now.
public enum ServableBlob: Sendable {
    /// Hashed since the machine's boot: every byte may go out at once.
    case verified(BlobFile)
    /// Stored, and hashed for the first time while it is read.
    case unverified(BlobFeed)
}

extension LocalContentStore {
    /// A blob that is in demand and verified, without waiting: for the thread of a connection.
    public func servableNow(_ digest: Digest) -> BlobFile? { hot.file(digest) }

    /// A stored blob for serving; `nil` when the store does not hold it.
    ///
    /// One that was not hashed since the machine's boot is hashed by this call's doing, once for all who ask
    /// meanwhile; found damaged, it goes into quarantine and its readers get less than all of it.
    /// - Throws: a ``Fault``.
    public func servable(_ digest: Digest) async throws -> ServableBlob? {
        if let file = hot.file(digest) { return .verified(file) }
        let file: BlobFile
        // One found damaged has gone into quarantine: it is to be fetched again.
        do { file = try await open(digest) } catch let error as StorageError
            where error.kind == .notFound || error.kind == .integrity
        {
            return nil
        }
        if file.isVerified {
            hot.keep(digest, file)
            return .verified(file)
        }
        let feed = hashing.withLock { hashing -> (feed: BlobFeed, isNew: Bool) in
            if let feed = hashing[digest] { return (feed, false) }
            let feed = BlobFeed(digest, size: file.size)
            feed.begin(file)
            hashing[digest] = feed
            return (feed, true)
        }
        if feed.isNew {
            // Nobody awaits it: readers wait for the feed, which it ends in every case; a store that is closed
            // meanwhile lives on until then.
            Task { await hash(feed.feed, file) }
        }
        return .unverified(feed.feed)
    }

    /// Lets readers follow a blob on its way in, from whatever brings it. The caller sees to it that something does,
    /// and says how it ended: ``BlobFeed/fail(_:)``, or ``arrived(_:)``; and then ``stopFollowing(_:)``.
    public func follow(_ descriptor: Descriptor) -> BlobFeed {
        let feed = BlobFeed(descriptor.digest, size: descriptor.size)
        feeds.withLock { $0[descriptor.digest] = feed }
        if let writer = active.withLock({ $0[descriptor.digest] }) { feed.follow(writer) }
        return feed
    }

    /// The blob that the feed is of is stored: its readers get the rest.
    public func arrived(_ feed: BlobFeed) async {
        do {
            let file = try await open(feed.digest)
            guard file.size == feed.size else {
                throw StorageError.wrongSize(feed.digest, claimed: feed.size, actual: file.size)
            }
            hot.keep(feed.digest, file)
            feed.complete(file)
        } catch { feed.fail(error) }
    }

    /// No transfer concerns this feed any more.
    public func stopFollowing(_ feed: BlobFeed) {
        feeds.withLock { feeds in
            if feeds[feed.digest] === feed { feeds[feed.digest] = nil }
        }
    }

    /// Closes files that nobody has asked for lately. To be called every few seconds.
    public func closeIdleFiles() { hot.closeIdle() }

    private func hash(_ feed: BlobFeed, _ file: BlobFile) async {
        defer { hashing.withLock { $0[feed.digest] = nil } }
        let digest = feed.digest
        do {
            let actual = try await labours.run { [layout] in
                try OpenFile(sharing: file, path: layout.blob(digest)).hash(feed.size, digest.algorithm) {
                    feed.advance(to: $0)
                }.finalize()
            }
            try await concluded(digest, file, actual: actual)
            hot.keep(digest, file)
            feed.complete(file)
        } catch { feed.fail(error) }
    }
}
