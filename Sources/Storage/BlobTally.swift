internal import Coordination
public import OCI
internal import SystemPackage

/// What the blobs take, kept up to date with every change of a name, so that nobody has to walk to know it.
///
/// Unknown until the blobs were listed once, or the last process said at its orderly end.
final class BlobTally: Sendable {
    private struct State {
        var bytes: Int64?
        var changes: UInt64 = 0
    }

    private let state = Locked(State())

    /// Bytes of all blobs; `nil` while nobody has counted.
    var bytes: Int64? { state.withLock { $0.bytes } }

    /// How many changes of names there were.
    var changes: UInt64 { state.withLock { $0.changes } }

    /// Takes a sum that was made from what is there, unless something has changed since it was begun.
    func set(_ bytes: Int64, asOf changes: UInt64) {
        state.withLock { state in
            if state.changes == changes { state.bytes = bytes }
        }
    }

    /// Makes a change of the name `path`, and enters by how much its blob's length changed with it. Changes come one
    /// after the other.
    func follow(_ path: FilePath, _ change: () throws -> Void) rethrows {
        let before = Self.length(of: path)
        state.withLock { $0.changes += 1 }
        defer {
            let difference = Self.length(of: path) - before
            state.withLock { state in
                state.changes += 1
                state.bytes? += difference
            }
        }
        try change()
    }

    /// What cannot be looked at counts for nothing: the next listing puts it right.
    private static func length(of path: FilePath) -> Int64 {
        do {
            guard let status = try FileStatus.of(path), status.kind == .regular else { return 0 }
            return status.size
        } catch { return 0 }
    }
}

extension LocalContentStore {
    public func blobs() async throws -> [(digest: Digest, size: Int64)] {
        let changes = tally.changes
        let found = try await labours.run { [layout] in try layout.blobList() }
        tally.set(found.reduce(0) { $0 + $1.size }, asOf: changes)
        return found
    }

    /// Known without a walk, but for a store that was put there by hand and nobody has listed yet.
    public func blobBytes() async throws -> Int64 {
        if let known = tally.bytes { return known }
        return try await blobs().reduce(0) { $0 + $1.size }
    }
}
