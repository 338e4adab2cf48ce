internal import Coordination
public import OCI

extension Collector {
    /// Gives the store a quota. To be called once, before anything is fetched.
    public func keepSpace(with keeper: SpaceKeeper) { self.keeper.withLock { $0 = keeper } }

    /// Makes room for blobs that are about to be written, for as long as the admission is kept: whoever brings content
    /// (pull, load, mirror) asks first, with the blobs under a ``Lease``. `nil` where there is no quota to keep.
    /// - Throws: ``SpaceError/noRoom(needed:available:staying:)``.
    public func room(for blobs: [Descriptor]) async throws -> SpaceAdmission? {
        try await keeper.withLock { $0 }?.admit(blobs)
    }

    /// The same for bytes that are staged before anybody knows their digest.
    public func room(forStaging bytes: Int64) async throws -> SpaceAdmission? {
        try await keeper.withLock { $0 }?.admit(staging: bytes)
    }

    /// Whether there could be room for blobs: for who must say so long before they come.
    /// - Throws: ``SpaceError/noRoom(needed:available:staying:)``.
    func checkRoom(for blobs: [Descriptor]) async throws {
        try await keeper.withLock { $0 }?.check(blobs)
    }
}
