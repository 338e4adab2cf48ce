// Storage: blobs by digest on the local disk. A name under `blobs/` exists only when its bytes are whole, verified and
// durable; everything in this room serves that sentence. Nothing here knows the network or the catalogue.

public import OCI

/// Blobs by digest. A stored blob is whole, verified and durable; it never changes.
///
/// Every conformance passes `contentStoreContract` (TestSupport).
public protocol ContentStore: Sendable {
    /// The blob's length in bytes, or `nil` when the store does not hold it.
    func size(of digest: Digest) async throws -> Int64?

    /// Stores the blob that `descriptor` names; `fill` brings the bytes that `writer.missing` lists: those from
    /// `writer.offset` on, unless an earlier attempt brought some in other places.
    ///
    /// When `fill` returns, length and digest are checked, the bytes made durable, and the blob shows under its name,
    /// all or nothing. When `fill` throws, the bytes stay for a later call to resume after. A blob already stored is
    /// not filled again, nor is one of which every byte is held from before. Of several tasks at one digest, one fills
    /// and the rest wait; if it fails, the next goes on with the bytes held.
    /// - Throws: a ``Fault``: `.integrity` when the bytes are too few, too many or not those of the digest, and
    ///   `.outOfSpace`, both of which drop the bytes; what `fill` threw; `CancellationError` when cancelled in waiting.
    /// - Parameter source: registry and repository that the bytes come from; kept with them while they are not whole.
    @discardableResult
    func ingest(
        _ descriptor: Descriptor, from source: String?, fill: @Sendable (any BlobWriter) async throws -> Void
    ) async throws -> IngestOutcome

    /// All bytes of a blob of at most `limit` bytes, hashed again at every call.
    /// - Throws: a ``Fault``: `.notFound`; `.invalidInput` when it is longer; `.integrity` when the bytes are no longer
    ///   those of the digest, after which the store does not hold the blob any more.
    func read(_ digest: Digest, limit: Int) async throws -> [UInt8]

    /// The blob as an open file, for serving and streaming. It stays readable when the blob is removed meanwhile. Its
    /// bytes are hashed here only when there is a reason to doubt them: see ``BlobFile/isVerified``.
    /// - Throws: a ``Fault``, `.notFound` or `.integrity`.
    func open(_ digest: Digest) async throws -> BlobFile

    /// Tells what all bytes of an opened blob hashed to. When that is not its digest, the store does not hold the blob
    /// any more.
    /// - Throws: a ``Fault``, `.integrity`, when it is not.
    func concluded(_ digest: Digest, _ file: BlobFile, actual: Digest) async throws

    /// Speaks for the room that these blobs need, until the answer is released, so that a pull that cannot fit is
    /// refused before its first byte.
    /// - Throws: a ``Fault``, `.outOfSpace`, that says how much is needed and how much is free.
    func reserve(_ blobs: [Descriptor]) async throws -> SpaceReservation

    /// Removes a blob; one that is not there is no error.
    func remove(_ digest: Digest) async throws

    /// All blobs, in no order. A walk over the store: not for hot paths.
    func blobs() async throws -> [(digest: Digest, size: Int64)]

    /// Bytes of all blobs, without a walk.
    func blobBytes() async throws -> Int64

    /// Gives some room back to the disk that the store holds for removals on a full one.
    /// - Returns: whether there was any.
    func giveReserve() async throws -> Bool

    /// Takes that room again, where there is plenty.
    func takeReserve() async throws
}

extension ContentStore {
    /// For what comes from nowhere in particular, or at once.
    @discardableResult
    public func ingest(
        _ descriptor: Descriptor, fill: @Sendable (any BlobWriter) async throws -> Void
    ) async throws -> IngestOutcome {
        try await ingest(descriptor, from: nil, fill: fill)
    }

    public func reserve(_ blobs: [Descriptor]) async throws -> SpaceReservation { SpaceReservation() }

    /// For stores that no disk keeps.
    public func giveReserve() async throws -> Bool { false }
    public func takeReserve() async throws {}

    /// For stores that hold little.
    public func blobBytes() async throws -> Int64 { try await blobs().reduce(0) { $0 + $1.size } }
}

/// What an ingest came to.
public enum IngestOutcome: Sendable, Equatable {
    /// The blob was brought by this call.
    case stored
    /// It was there before, or came by another task's work.
    case alreadyPresent
}
