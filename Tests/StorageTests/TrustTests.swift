import Foundation
import Glibc
import Hashing
import OCI
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Storage

private let blob = SampleBlob(count: 200_000)

/// Records as the catalogue keeps them, without a catalogue.
final class MemoryRecords: BlobRecords {
    private let known = Mutex<[Digest: Verification]>([:])

    var all: [Digest: Verification] { known.withLock { $0 } }

    func verification(of digest: Digest) async throws -> Verification? { known.withLock { $0[digest] } }

    func update(verified: [Digest: Verification], removed: Set<Digest>) async throws {
        known.withLock { known in
            for digest in removed { known[digest] = nil }
            known.merge(verified) { $1 }
        }
    }
}

/// A store as a start finds it, in the machine's `boot`.
private func start(_ root: String, _ records: MemoryRecords, boot: String) async throws -> LocalContentStore {
    let store = try await LocalContentStore(root: root, quarantineBudget: 1 << 20, boot: boot) {
        _ throws(StorageError) in
    }
    if store.wasStoppedOrderly {
        store.use(records)
    } else {
        _ = try await store.settle(store.survey(recorded: [blob.digest: Int64(blob.bytes.count)]), records: records)
    }
    return store
}

private func stop(_ store: LocalContentStore) async throws {
    try await store.flushRecords()
    try await store.markOrderlyStop()
    store.close()
}

/// Changes one byte, and nothing that `stat` shows but the ctime; `quietly` not even that.
private func rot(_ digest: Digest, in root: String, quietly records: MemoryRecords? = nil) async throws {
    let path = blobPath(digest, in: root)
    chmod(path, 0o644)
    let file = try FileHandle(forUpdating: URL(filePath: path))
    try file.seek(toOffset: 100_000)
    try file.write(contentsOf: [0x55])
    try file.close()
    chmod(path, 0o444)
    guard let records, let status = try FileStatus.of(FilePath(path)) else { return }
    for (known, verification) in records.all where known == digest {
        let changed = Verification(status, boot: verification.boot)
        try await records.update(verified: [digest: changed], removed: [])
    }
}

@Suite struct `A blob counts as verified` {
    @Test func `when it was hashed since the boot, over any number of restarts`() async throws {
        try await withStateDirectory { root in
            let records = MemoryRecords()
            let first = try await start(root, records, boot: "one")
            try await first.ingest(blob)
            #expect(try await first.open(blob.digest).isVerified)
            try await stop(first)
            let second = try await start(root, records, boot: "one")
            #expect(second.wasStoppedOrderly)
            #expect(try await second.open(blob.digest).isVerified)
            try await stop(second)
        }
    }

    @Test func `not after another boot, until somebody has hashed it`() async throws {
        try await withStateDirectory { root in
            let records = MemoryRecords()
            let first = try await start(root, records, boot: "one")
            try await first.ingest(blob)
            try await stop(first)
            let second = try await start(root, records, boot: "two")
            let file = try await second.open(blob.digest)
            #expect(!file.isVerified)
            try await second.concluded(blob.digest, file, actual: blob.digest)
            #expect(try await second.open(blob.digest).isVerified)
            second.close()
        }
    }

    @Test func `not when its bytes turned out otherwise on their way, and then it is gone`() async throws {
        try await withStateDirectory { root in
            let records = MemoryRecords()
            let first = try await start(root, records, boot: "one")
            try await first.ingest(blob)
            try await stop(first)
            try await rot(blob.digest, in: root, quietly: records)
            let second = try await start(root, records, boot: "two")
            let file = try await second.open(blob.digest)
            #expect(!file.isVerified)
            let actual = Digest.sha256(of: try contents(of: blobPath(blob.digest, in: root)))
            await #expect(throws: StorageError.self) {
                try await second.concluded(blob.digest, file, actual: actual)
            }
            #expect(try await second.size(of: blob.digest) == nil)
            #expect(try names(in: root + "/quarantine").count == 1)
            second.close()
        }
    }

    @Test func `not when somebody changed the file, and a change that was none is forgiven`() async throws {
        try await withStateDirectory { root in
            let records = MemoryRecords()
            let store = try await start(root, records, boot: "one")
            try await store.ingest(blob)
            chmod(blobPath(blob.digest, in: root), 0o400)
            #expect(try await store.open(blob.digest).isVerified, "hashed again, as its ctime has changed")
            try await rot(blob.digest, in: root)
            await #expect(throws: StorageError.self) { try await store.open(blob.digest) }
            #expect(try await store.size(of: blob.digest) == nil)
            #expect(try await store.ingest(blob) == .stored)
            store.close()
        }
    }
}

@Suite struct `After an unclean stop` {
    @Test func `what was written shortly before is hashed before its first use`() async throws {
        try await withStateDirectory { root in
            let records = MemoryRecords()
            let first = try await start(root, records, boot: "one")
            try await first.ingest(blob)
            try await first.flushRecords()
            first.close()
            try await rot(blob.digest, in: root, quietly: records)
            let second = try await start(root, records, boot: "one")
            #expect(!second.wasStoppedOrderly)
            await #expect(throws: StorageError.self) { try await second.open(blob.digest) }
            #expect(try await second.ingest(blob) == .stored)
            second.close()
        }
    }

    @Test func `a pull takes no half-written file for the blob it has the size of`() async throws {
        try await withStateDirectory { root in
            let records = MemoryRecords()
            try await start(root, records, boot: "one").close()
            try write(Array(repeating: 0, count: blob.bytes.count), to: blobPath(blob.digest, in: root))
            let store = try await start(root, records, boot: "one")
            #expect(try await store.ingest(blob) == .stored)
            #expect(try await store.read(blob.digest, limit: 1 << 20) == blob.bytes)
            store.close()
        }
    }

    @Test(arguments: Impostor.allCases)
    func `what is not the recorded blob goes into quarantine and is named`(impostor: Impostor) async throws {
        try await withStateDirectory { root in
            let records = MemoryRecords()
            try await start(root, records, boot: "one").close()
            try impostor.plant(at: blobPath(blob.digest, in: root), instead: blob.bytes)
            try write([1], to: root + "/store/blobs/sha256/readme")
            let store = try await LocalContentStore(root: root)
            let settlement = try await store.settle(
                store.survey(recorded: [blob.digest: Int64(blob.bytes.count)]), records: records)
            #expect(settlement.missing == [blob.digest])
            #expect(settlement.foreign == 1)
            #expect(try await store.size(of: blob.digest) == nil)
            #expect(try names(in: root + "/store/blobs/sha256") == ["readme"])
            store.close()
        }
    }

    enum Impostor: CaseIterable {
        case nothing, empty, short, long, directory, link, fifo

        func plant(at path: String, instead bytes: [UInt8]) throws {
            switch self {
            case .nothing: break
            case .empty: try write([], to: path)
            case .short: try write(bytes.dropLast(), to: path)
            case .long: try write(bytes + [0], to: path)
            case .directory: mkdir(path, 0o755)
            case .link: symlink("/etc/hostname", path)
            case .fifo: mkfifo(path, 0o644)
            }
        }
    }
}

@Suite struct `A state directory that was restored from a copy` {
    @Test func `is hashed before it is used, whatever the catalogue remembers of the blobs' files`() async throws {
        try await withStateDirectory { root in
            let records = MemoryRecords()
            let first = try await start(root, records, boot: "one")
            try await first.ingest(blob)
            try await first.flushRecords()
            first.close()
            let copy = root + "-copy"
            try FileManager.default.copyItem(atPath: root, toPath: copy)
            try Impostor.flippedBit.put(at: blobPath(blob.digest, in: copy), in: copy, bytes: blob.bytes)
            let second = try await LocalContentStore(
                root: copy, quarantineBudget: Quarantine.budget, boot: "one"
            ) { _ throws(StorageError) in }
            second.use(records)
            let error = await #expect(throws: StorageError.self) { _ = try await second.open(blob.digest) }
            #expect(error?.kind == .integrity)
            #expect(try await second.size(of: blob.digest) == nil)
        }
    }
}
