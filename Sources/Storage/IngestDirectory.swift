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

    /// Opens the ingest for writing what it lacks; whatever does not belong to `descriptor` is dropped.
    func begin(
        _ descriptor: Descriptor, from source: String? = nil, labours: DiskThreads, observer: @escaping StepObserver,
        pace: IngestWriter.Pace = IngestWriter.Pace()
    ) throws -> IngestWriter {
        let make = { (file: OpenFile, found: IngestWriter.Found?) in
            IngestWriter(
                descriptor, from: source, file: file, directory: self, labours: labours, observer: observer, pace: pace,
                after: found)
        }
        let writer = try resume(descriptor, from: source, make) ?? start(descriptor, from: source, make)
        do { try writer.reserve() } catch {
            try discard()
            throw error
        }
        return writer
    }

    /// Keeps the bytes for a later attempt, and gives back the space reserved for those that did not come. Bytes worth
    /// it are made durable, so that they survive a power cut too.
    func keep(_ writer: IngestWriter) throws(StorageError) {
        let (extents, synced, isSparse) = try writer.park()
        guard extents.total > 0 else { return try discard() }
        try writer.file.truncate(to: extents.end)
        for gap in extents.missing(of: extents.end) { try writer.file.release(Int64(gap.count), from: gap.lowerBound) }
        var note = IngestState(
            digest: digest, size: writer.size, extents: extents, isSparse: isSparse, source: writer.source)
        note.synced = synced
        guard extents.total - synced.total >= Self.worthASync else { return try write(note) }
        try writer.file.syncData()
        note.synced = extents
        try writeDurably(note)
    }

    /// Bytes that are cheaper to make durable than to fetch again.
    private static let worthASync: Int64 = 1 << 20

    /// Removes the ingest with its bytes.
    func discard() throws(StorageError) { try FileTree.remove(path) }

    /// What is held, of which state, with the time of the last write; `nil` when the next attempt would drop it.
    func held() throws(StorageError) -> (state: IngestState, extents: Extents, written: FileStatus.Instant)? {
        guard let state = try readState(), let status = try FileStatus.of(data), status.kind == .regular else {
            return nil
        }
        return (state, state.held(inFileOfLength: status.size, boot: Boot.current), status.modified)
    }

    /// Not synced: after a power cut it may be gone, and with it nothing but the right to resume.
    func write(_ note: IngestState) throws(StorageError) {
        try replace(state, with: stamped(note).json.serialized(), mode: 0o600)
    }

    /// Survives a power cut, as do the names that lead to it.
    func writeDurably(_ note: IngestState) throws(StorageError) {
        try replace(state, with: stamped(note).json.serialized(), mode: 0o600) { file throws(StorageError) in
            try file.sync()
        }
        for directory in [path, path.removingLastComponent()] { try OpenFile(directory: directory).sync() }
    }

    private func stamped(_ note: IngestState) -> IngestState {
        var note = note
        note.boot = Boot.current
        return note
    }

    private func start(
        _ descriptor: Descriptor, from source: String?, _ make: (OpenFile, IngestWriter.Found?) -> IngestWriter
    ) throws -> IngestWriter {
        try discard()
        _ = try Names.makeDirectory(path, mode: 0o700)
        do {
            // A blob that fits one write has nothing on the disk that a kill could leave to resume after.
            if descriptor.size > Int64(IngestStretch.gathered) {
                try write(IngestState(digest: digest, size: descriptor.size, source: source))
            }
            return make(try OpenFile(data, O_RDWR | O_CREAT | O_EXCL, to: "make"), nil)
        } catch {
            try discard()
            throw error
        }
    }

    /// `nil` when nothing is held that can be continued; bytes the disk cannot read back are as good as none.
    private func resume(
        _ descriptor: Descriptor, from source: String?, _ make: (OpenFile, IngestWriter.Found?) -> IngestWriter
    ) throws -> IngestWriter? {
        guard let (state, extents, _) = try held(), state.size == descriptor.size, extents.total > 0 else { return nil }
        let file = try OpenFile(data, O_RDWR, to: "open")
        let digester: Digester
        do { digester = try file.hash(extents.prefix, digest.algorithm) } catch is StorageError { return nil }
        // All bytes are here and they are the wrong ones: there is nothing to continue after.
        if extents.prefix == descriptor.size, digester.finalize() != digest { return nil }
        try file.truncate(to: extents.end)
        // The next process is to know what this one knows, also if it comes after a reboot of its own.
        var note = state
        note.source = source
        note.extents = extents
        note.isSparse = extents.ranges.count > 1 || extents.prefix == 0
        note.synced = state.synced.clipped(to: extents.end)
        try write(note)
        return make(file, IngestWriter.Found(extents: extents, synced: note.synced, digester: digester))
    }

    private func readState() throws(StorageError) -> IngestState? {
        guard try FileStatus.of(path)?.kind == .directory, try FileStatus.of(state)?.kind == .regular,
            let bytes = try readIfThere(state), let found = IngestState(parsing: bytes), found.digest == digest
        else { return nil }
        return found
    }

    /// `nil` for a file that went between the look at it and its opening: others list what somebody finishes.
    private func readIfThere(_ file: FilePath) throws(StorageError) -> [UInt8]? {
        do { return try readSmallFile(file) } catch .system(let failure) where failure.code == .noSuchFileOrDirectory {
            return nil
        }
    }
}

extension OpenFile {
    /// Hashes the first `length` bytes.
    /// - Parameter hashed: hears after each piece how many bytes are hashed.
    /// - Throws: ``StorageError``; `CancellationError` when the task is cancelled, for this can take seconds.
    func hash(
        _ length: Int64, _ algorithm: Digest.Algorithm, hashed: (Int64) -> Void = { _ in }
    ) throws -> Digester {
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
            hashed(offset)
        }
        return digester
    }
}
