internal import Glibc
internal import Hashing
internal import OCI
internal import SystemPackage

/// One digest's directory under `ingest/`: bytes on their way to a blob, and what they are to become.
///
/// Nothing found in it is trusted beyond this: its bytes are hashed with the rest, and the digest decides.
struct IngestDirectory: Sendable {
    let path: FilePath
    let digest: Digest

    var data: FilePath { path.appending("data") }
    private var state: FilePath { path.appending("state.json") }

    /// Opens the ingest for writing after the bytes it holds; whatever does not belong to `descriptor` is dropped.
    func begin(_ descriptor: Descriptor, observer: @escaping StepObserver) throws -> IngestWriter {
        let writer = try resume(descriptor, observer) ?? start(descriptor, observer)
        do { try writer.reserve() } catch {
            try discard()
            throw error
        }
        return writer
    }

    /// Keeps the bytes for a later attempt, and gives back the space reserved for those that did not come.
    func keep(_ writer: IngestWriter) throws(StorageError) {
        let held = try writer.park()
        guard held > 0 else { return try discard() }
        try writer.file.truncate(to: held)
        try write(IngestState(digest: digest, size: writer.size, extents: [0..<held]))
    }

    /// Removes the ingest with its bytes.
    func discard() throws(StorageError) { try FileTree.remove(path) }

    /// What is held and of how much, with the time of the last write; `nil` when the next attempt would drop it.
    func held() throws(StorageError) -> (state: IngestState, bytes: Int64, written: FileStatus.Instant)? {
        guard let state = try readState(), let status = try FileStatus.of(data), status.kind == .regular else {
            return nil
        }
        return (state, state.prefix(ofFileWithLength: status.size), status.modified)
    }

    private func start(_ descriptor: Descriptor, _ observer: @escaping StepObserver) throws -> IngestWriter {
        try discard()
        _ = try Names.makeDirectory(path, mode: 0o700)
        do {
            // A blob that fits one write has nothing on the disk that a kill could leave to resume after.
            if descriptor.size > Int64(IngestWriter.gathered) {
                try write(IngestState(digest: digest, size: descriptor.size, extents: []))
            }
            let file = try OpenFile(data, O_RDWR | O_CREAT | O_EXCL, to: "make")
            return IngestWriter(descriptor, file: file, observer: observer)
        } catch {
            try discard()
            throw error
        }
    }

    /// `nil` when nothing is held that can be continued; bytes the disk cannot read back are as good as none.
    private func resume(_ descriptor: Descriptor, _ observer: @escaping StepObserver) throws -> IngestWriter? {
        guard let held = try held(), held.state.size == descriptor.size, held.bytes > 0 else { return nil }
        let file = try OpenFile(data, O_RDWR, to: "open")
        let digester: Digester
        do { digester = try file.hash(held.bytes, digest.algorithm) } catch is StorageError { return nil }
        // All bytes are here and they are the wrong ones: there is nothing to continue after.
        if held.bytes == descriptor.size, digester.finalize() != digest { return nil }
        try file.truncate(to: held.bytes)
        return IngestWriter(descriptor, file: file, observer: observer, offset: held.bytes, digester: digester)
    }

    private func readState() throws(StorageError) -> IngestState? {
        guard try FileStatus.of(path)?.kind == .directory, try FileStatus.of(state)?.kind == .regular,
            let found = IngestState(parsing: try readSmallFile(state)), found.digest == digest
        else { return nil }
        return found
    }

    /// Not synced: after a power cut it may be gone, and with it nothing but the right to resume.
    private func write(_ content: IngestState) throws(StorageError) {
        try replace(state, with: content.json.serialized(), mode: 0o600)
    }
}

extension OpenFile {
    /// Hashes the first `length` bytes.
    /// - Throws: ``StorageError``; `CancellationError` when the task is cancelled, for this can take seconds.
    func hash(_ length: Int64, _ algorithm: Digest.Algorithm) throws -> Digester {
        var digester = Digester(algorithm)
        var buffer = [UInt8](repeating: 0, count: Int(min(length, 1 << 20)))
        var offset: Int64 = 0
        while offset < length {
            try Task.checkCancellation()
            let wanted = Int(min(Int64(buffer.count), length - offset))
            let count = try read(wanted, into: &buffer, at: offset)
            guard count == wanted else { throw StorageError.system(SystemFailure("read", path, .ioError)) }
            digester.update(buffer.span.bytes.extracting(0..<count))
            offset += Int64(count)
        }
        return digester
    }
}
