internal import Coordination
internal import Hashing
public import Layers
internal import OCI
internal import Pulling
internal import Storage

/// Takes an archive in, as its bytes come: inflates it, takes the tar apart, hashes and stages its files, and finds the
/// diffID of each that could be a layer. On a thread of its own, for all of this keeps a processor or waits for a disk.
actor ArchiveIntake {
    private let executor = ThreadExecutor(name: "load")
    private let inflater: Inflater
    private var tar: TarReader
    private var collector: MemberCollector

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameter room: asked before a file is staged, for its length in bytes.
    init(
        store: any StagingStore, limits: ArchiveLimits,
        room: @escaping @Sendable (Int64) async throws -> SpaceAdmission?
    ) {
        inflater = Inflater(limits: limits.archive)
        var tarLimits = TarReader.Limits()
        tarLimits.entries = limits.entries
        tar = TarReader(limits: tarLimits)
        collector = MemberCollector(store: store, limits: limits, room: room)
    }

    /// - Throws: a ``Fault``.
    func take(_ bytes: [UInt8]) throws {
        let span = bytes.span
        try inflater.write(span.bytes) { try tar.write($0, into: &collector) }
    }

    /// What the archive held.
    /// - Throws: a ``Fault``, also for an archive that is cut short.
    func finish() throws -> ArchiveTable {
        try inflater.finish { try tar.write($0, into: &collector) }
        guard inflater.input > 0, collector.hasEntries || tar.hasEnded else { throw ArchiveError.unrecognized }
        try tar.finish()
        return collector.table
    }

    /// Runs what reads staged files on this thread.
    func run<Result: Sendable>(_ work: @Sendable () throws -> Result) throws -> Result { try work() }
}

/// How much of an archive is taken. Bytes and counts.
public struct ArchiveLimits: Sendable {
    /// Of the archive's own compression.
    public var archive = InflateLimits(total: 4 << 40)
    /// Of one layer's.
    public var layer = InflateLimits(total: 1 << 40)
    /// Entries of all kinds.
    public var entries = 65_536
    /// A file up to this length stays in memory while all of them together are below ``memory``.
    public var smallFile: Int64 = 64 << 10
    public var memory: Int64 = 8 << 20
    public init() {}
}

/// Sorts the entries of an archive.
private struct MemberCollector: TarReceiver {
    private let store: any StagingStore
    private let limits: ArchiveLimits
    private let room: @Sendable (Int64) async throws -> SpaceAdmission?
    private(set) var table = ArchiveTable()
    private(set) var hasEntries = false
    private var open: OpenMember?
    private var inMemory: Int64 = 0

    init(
        store: any StagingStore, limits: ArchiveLimits,
        room: @escaping @Sendable (Int64) async throws -> SpaceAdmission?
    ) {
        self.store = store
        self.limits = limits
        self.room = room
    }

    mutating func begin(_ member: TarMember) throws {
        hasEntries = true
        let isRoot = member.kind == .directory && member.name.allSatisfy { $0 == "." || $0 == "/" }
        guard !member.name.hasPrefix("/"), !member.name.split(separator: "/").contains(".."),
            isRoot || ArchiveTable.normalized(member.name) != nil
        else { throw ArchiveError.unsafePath(member.name) }
        guard let path = ArchiveTable.normalized(member.name) else { return }
        switch member.kind {
        case .directory: return
        case .symbolicLink:
            try table.checkNew(path)
            try table.add(link: path, to: member.link)
        case .file:
            try table.checkNew(path)
            open = try OpenMember(
                path: path, size: member.size, store: place(of: member.size), limits: limits, room: room)
        case .hardLink: throw ArchiveError.foreignEntry(member.name, what: "a hard link")
        case .characterDevice, .blockDevice: throw ArchiveError.foreignEntry(member.name, what: "a device")
        case .fifo: throw ArchiveError.foreignEntry(member.name, what: "a FIFO")
        case .sparseFile: throw ArchiveError.foreignEntry(member.name, what: "a sparse file")
        case .other: throw ArchiveError.foreignEntry(member.name, what: "an unknown kind of entry")
        }
    }

    mutating func content(_ bytes: RawSpan) throws { try open?.take(bytes) }

    mutating func end() throws {
        guard let done = open else { return }
        open = nil
        try table.add(try done.finish(), at: done.path)
    }

    /// Where a file of that length goes: `nil` is memory.
    private mutating func place(of size: Int64) -> (any StagingStore)? {
        guard size <= limits.smallFile, inMemory + size <= limits.memory else { return store }
        inMemory += size
        return nil
    }
}

/// A file of the archive that is being read.
private final class OpenMember {
    let path: String
    private let algorithm: Digest.Algorithm
    private let limits: InflateLimits
    private let staged: (any StagedBlob)?
    private let room: SpaceAdmission?
    private var bytes: [UInt8] = []
    private var size: Int64 = 0
    /// The first bytes, until they tell a compression.
    private var first: [UInt8]? = []
    private var digester: LayerDigester?
    private var failure: LayersError?

    init(
        path: String, size: Int64, store: (any StagingStore)?, limits: ArchiveLimits,
        room: @escaping @Sendable (Int64) async throws -> SpaceAdmission?
    ) throws {
        self.path = path
        self.limits = limits.layer
        algorithm = ArchiveTable.blobDigest(path)?.algorithm ?? .sha256
        // On the load's own thread, of which the quota has no need.
        self.room = if store != nil { try standing { try await room(size) } } else { nil }
        staged = try store?.stage(expecting: size, algorithm: algorithm)
    }

    func take(_ piece: RawSpan) throws {
        size += Int64(piece.byteCount)
        if let staged {
            try staged.append(piece)
        } else {
            // INVARIANT (raw pointer): used within the closure only, while the span keeps its bytes alive.
            piece.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        guard var first else { return inflate(piece) }
        // INVARIANT (raw pointer): used within the closure only, while the span keeps its bytes alive.
        piece.withUnsafeBytes { first.append(contentsOf: $0) }
        self.first = first
        if first.count >= CompressionFormat.magicLength { settle(first) }
    }

    func finish() throws -> ArchiveFile {
        if let first { settle(first) }
        let digest = try staged?.seal() ?? Self.digest(of: bytes, algorithm)
        return ArchiveFile(
            digest: digest, size: size, place: staged.map { .staged($0, room) } ?? .memory(bytes), layer: layer(digest))
    }

    /// A plain tar's diffID is the digest of the file itself, so that only compressed ones are hashed twice.
    private func settle(_ first: [UInt8]) {
        self.first = nil
        guard CompressionFormat.detect(first) != .plain || algorithm != .sha256 else { return }
        digester = LayerDigester(limits: limits)
        inflate(first.span.bytes)
    }

    /// What cannot be inflated is no failure yet: not every file is a layer.
    private func inflate(_ piece: RawSpan) {
        guard failure == nil else { return }
        do { try digester?.update(piece) } catch { failure = error as? LayersError ?? .tarCutShort(length: size) }
    }

    private func layer(_ digest: Digest) -> Result<UnpackedLayer, LayersError> {
        if let failure { return .failure(failure) }
        guard let digester else { return .success(UnpackedLayer(diffID: digest, size: size, format: .plain)) }
        do { return .success(try digester.finish()) } catch {
            return .failure(error as? LayersError ?? .tarCutShort(length: size))
        }
    }

    private static func digest(of bytes: [UInt8], _ algorithm: Digest.Algorithm) -> Digest {
        var digester = Digester(algorithm)
        digester.update(bytes)
        return digester.finalize()
    }
}
