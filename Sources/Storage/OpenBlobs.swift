internal import Coordination
internal import Glibc
internal import OCI

/// Keeps the files of verified blobs that are in demand open.
///
/// Each answer looks whether the file is still the one that was verified: same inode, same size, nothing changed since,
/// its name not removed. That is one `fstat` of an open file, cheap enough for the thread of a connection.
final class OpenBlobs: Sendable {
    private struct Open {
        let file: BlobFile
        let verified: FileStatus
        var lastUse: UInt64
    }
    private struct State {
        var open: [Digest: Open] = [:]
        var uses: UInt64 = 0
        /// The count of uses when idle files were last looked for.
        var swept: UInt64 = 0
    }

    /// Each is a descriptor, and holds the space of a removed blob until it is looked at again.
    private static let maximum = 64

    private let state = Locked(State())

    /// The open file of a blob that is verified and in demand. Does not wait.
    func file(_ digest: Digest) -> BlobFile? {
        state.withLock { state in
            guard let open = state.open[digest] else { return nil }
            guard let now = Self.status(of: open.file), now.identity == open.verified.identity,
                now.size == open.verified.size, now.changed <= open.verified.changed
            else {
                state.open[digest] = nil
                return nil
            }
            state.uses += 1
            state.open[digest]?.lastUse = state.uses
            return open.file
        }
    }

    /// Keeps the file of a blob that was found verified just now.
    func keep(_ digest: Digest, _ file: BlobFile) {
        guard let status = Self.status(of: file) else { return }
        state.withLock { state in
            state.uses += 1
            state.open[digest] = Open(file: file, verified: status, lastUse: state.uses)
            guard state.open.count > Self.maximum,
                let oldest = state.open.min(by: { $0.value.lastUse < $1.value.lastUse })
            else { return }
            state.open[oldest.key] = nil
        }
    }

    /// Closes the files that were not used since the last call. To be called every few seconds.
    func closeIdle() {
        state.withLock { state in
            let limit = state.swept
            state.swept = state.uses
            state.open = state.open.filter { $0.value.lastUse > limit }
        }
    }

    /// `nil` for a file without a name: it was removed, and nothing of it is to be served any more.
    private static func status(of file: BlobFile) -> FileStatus? {
        var status = stat()
        guard fstat(file.descriptor, &status) == 0, status.st_nlink > 0 else { return nil }
        return FileStatus(status)
    }
}
