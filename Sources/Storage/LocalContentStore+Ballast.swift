internal import Glibc
internal import OCI
internal import SystemPackage

/// Some megabytes that the store holds for one purpose: on a disk that others have filled to the last byte, a removal
/// could not even write that something is removed.
extension StoreLayout {
    static let ballastBytes: Int64 = 8 << 20

    private var ballast: FilePath { root.appending("ballast") }

    /// Takes the room, unless that is a large part of what is left.
    func takeBallast() throws(StorageError) {
        if let status = try FileStatus.of(ballast), status.allocated >= Self.ballastBytes { return }
        try Names.unlink(ballast)
        guard try FreeSpace(of: root).bytes >= 16 * Self.ballastBytes else { return }
        let file = try OpenFile(ballast, O_WRONLY | O_CREAT | O_EXCL, to: "make")
        do { try file.reserve(Self.ballastBytes, from: 0) } catch {
            Names.discard(ballast)
            throw error
        }
    }

    /// Gives it back to the file system.
    /// - Returns: whether there was any.
    func dropBallast() throws(StorageError) -> Bool {
        guard let status = try FileStatus.of(ballast), status.allocated > 0 else { return false }
        try Names.unlink(ballast)
        return true
    }
}

extension LocalContentStore {
    public func giveReserve() async throws -> Bool {
        try await labours.run { [layout] in try layout.dropBallast() }
    }

    public func takeReserve() async throws {
        try await labours.run { [layout] in try layout.takeBallast() }
    }
}
