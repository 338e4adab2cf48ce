internal import Coordination
internal import Glibc
public import OCI
internal import SystemPackage

/// Room on the disk that is spoken for, until it is released or dropped.
public final class SpaceReservation: Sendable {
    private let giveBack: Locked<(@Sendable () -> Void)?>

    public init(release: @escaping @Sendable () -> Void = {}) { giveBack = Locked(release) }

    deinit { release() }

    /// Gives the room back; a second call changes nothing. What was written of it stays written.
    public func release() {
        let action = giveBack.withLock { action in
            defer { action = nil }
            return action
        }
        action?()
    }
}

/// The blobs that pulls have spoken for, each with how many of them.
final class SpaceBook: Sendable {
    private let wanted = Locked<[Digest: (size: Int64, claims: Int)]>([:])

    var all: [Digest: Int64] { wanted.withLock { $0.mapValues(\.size) } }

    func add(_ blobs: [Descriptor]) {
        wanted.withLock { wanted in
            for blob in blobs { wanted[blob.digest, default: (blob.size, 0)].claims += 1 }
        }
    }

    func remove(_ blobs: [Descriptor]) {
        wanted.withLock { wanted in
            for blob in blobs {
                guard let entry = wanted[blob.digest] else { continue }
                wanted[blob.digest] = entry.claims > 1 ? (entry.size, entry.claims - 1) : nil
            }
        }
    }
}

extension LocalContentStore {
    /// Inodes that a blob takes on its way: its directory, its file, its note and the note's successor.
    private static let filesPerBlob: Int64 = 4

    /// Speaks for the room that these blobs need, beside what others have spoken for, and refuses at once when it is
    /// not there. What is on the disk already, whole or in part, needs no more room.
    ///
    /// When it does not fit, whoever ``makesRoom`` is asked once, and then it is looked again.
    /// - Throws: ``StorageError/noRoom(needed:free:unit:)``, which says how much is needed and how much is free.
    public func reserve(_ blobs: [Descriptor]) async throws -> SpaceReservation {
        try await spaceTurn.withSlot(key: "space", lane: 0) {
            let book = space
            var shortage = try await labours.run { try self.shortage(for: blobs) }
            if case .noRoom(let needed, let free, .bytes)? = shortage, let makeRoom = makesRoom.withLock({ $0 }) {
                await makeRoom(needed - free)
                shortage = try await labours.run { try self.shortage(for: blobs) }
            }
            if let shortage { throw shortage }
            book.add(blobs)
            return SpaceReservation { book.remove(blobs) }
        }
    }

    /// `nil` when the blobs fit beside all that others have spoken for.
    private func shortage(for blobs: [Descriptor]) throws(StorageError) -> StorageError? {
        let others = space.all
        var (spoken, needed, files) = (Int64(0), Int64(0), Int64(0))
        for (digest, size) in others { spoken = Self.sum(spoken, try outstanding(digest, size)) }
        for (digest, size) in Dictionary(blobs.map { ($0.digest, $0.size) }, uniquingKeysWith: max) {
            let bytes = try outstanding(digest, size)
            if bytes > 0 { files += Self.filesPerBlob }
            if others[digest] == nil { needed = Self.sum(needed, bytes) }
        }
        let free = try FreeSpace(of: layout.ingest)
        let room = max(0, free.bytes - spaceFloor.withLock { $0 } - spoken)
        if needed > room { return .noRoom(needed: needed, free: room, unit: .bytes) }
        if needed > 0, let left = free.files, files > left { return .noRoom(needed: files, free: left, unit: .files) }
        return nil
    }

    /// Bytes of a blob that are to be written still: what a transfer has reserved on the disk is not free any more.
    private func outstanding(_ digest: Digest, _ size: Int64) throws(StorageError) -> Int64 {
        if try FileStatus.of(layout.blob(digest)) != nil { return 0 }
        return max(0, size - (try FileStatus.of(layout.ingest(digest).data)?.allocated ?? 0))
    }

    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }
}

/// What a file system has left for a process without privileges.
struct FreeSpace: Sendable, Equatable {
    var bytes: Int64
    /// `nil` where the file system has no fixed number of them.
    var files: Int64?

    init(of path: FilePath) throws(StorageError) {
        var status = statvfs()
        try systemCall("look at the free space of", path) { Int(statvfs(path.string, &status)) }
        let (bytes, overflow) = Int64(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int64(clamping: status.f_frsize))
        self.bytes = overflow ? .max : bytes
        files = status.f_files == 0 ? nil : Int64(clamping: status.f_favail)
    }
}
