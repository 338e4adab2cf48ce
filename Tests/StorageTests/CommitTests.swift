import FoundationEssentials
import Glibc
import OCI
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Storage

/// Long enough for several writes and a reservation.
private let blob = SampleBlob(count: 600_000)

private let order: [StorageStep] = [.reserve, .write, .write, .write, .syncData, .publish, .syncDirectory]

@Suite struct `A commit` {
    @Test func `syncs the bytes, then gives the name, then syncs the directory`() async throws {
        try await withStateDirectory { root in
            let steps = Steps()
            let store = try await steps.store(root)
            try await pour(blob, into: store)
            #expect(steps.all == order)
        }
    }

    @Test func `leaves a read-only blob under its name and nothing of the ingest`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await pour(blob, into: store)
            #expect(try contents(of: blobPath(blob.digest, in: root)) == blob.bytes)
            let attributes = try FileManager.default.attributesOfItem(atPath: blobPath(blob.digest, in: root))
            #expect(attributes[.posixPermissions] as? Int == 0o444)
            #expect(try names(in: root + "/ingest") == [])
            #expect(try await store.ingests() == [])
        }
    }

    @Test(arguments: order.indices)
    func `that fails at any step shows nothing, keeps nothing, and can be tried again`(step: Int) async throws {
        try await withStateDirectory { root in
            let steps = Steps { number, _ throws(StorageError) in if number == step { throw .broken } }
            let store = try await steps.store(root)
            await #expect(throws: StorageError.broken) { try await pour(blob, into: store) }
            #expect(steps.all == Array(order[...step]), "a failed step is not tried again")
            #expect(try await store.size(of: blob.digest) == nil)
            #expect(try names(in: root + "/ingest") == [])
            #expect(try names(in: root + "/store/blobs/sha256") == [])
            #expect(try await store.ingest(blob) == .stored)
        }
    }

    /// What a kill leaves is what the page cache holds at that moment: a copy of the files.
    @Test(arguments: order.indices)
    func `that is killed at any step leaves the whole blob or none, and the next start goes on`(
        step: Int
    ) async throws {
        try await withStateDirectory { root in
            let copy = root + "-killed"
            let steps = Steps { number, _ throws(StorageError) in
                guard number == step else { return }
                do { try FileManager.default.copyItem(atPath: root, toPath: copy) } catch { throw .broken }
            }
            try await pour(blob, into: try await steps.store(root))
            let store = try await LocalContentStore(root: copy)
            let isWhole = order[step] == .syncDirectory
            #expect(try await store.list() == (isWhole ? [blob.digest] : []))
            #expect(try await store.ingest(blob) == (isWhole ? .alreadyPresent : .stored))
            #expect(try await store.read(blob.digest, limit: 600_000) == blob.bytes)
            #expect(try names(in: copy + "/ingest") == [])
        }
    }

    @Test func `shares its directory sync with those that are ready at the same time`() async throws {
        try await withStateDirectory { root in
            let (ready, syncs) = (Counter(), Counter())
            let committer = Committer { step throws(StorageError) in
                guard step == .syncDirectory, syncs.increment() == 1 else { return }
                let end = ContinuousClock.now + .seconds(20)
                while ready.value < 64, ContinuousClock.now < end { sched_yield() }
            }
            try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
            let directory = try OpenFile(directory: FilePath(root))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        ready.increment()
                        try await committer.perform(
                            NameChange(directory: directory) {
                                _ = try Names.makeDirectory(FilePath("\(root)/\(number)"), mode: 0o700)
                            } revert: {
                            })
                    }
                }
                try await group.waitForAll()
            }
            #expect(try names(in: root).count == 64)
            #expect(syncs.value <= 32)
        }
    }

    @Test func `stores many blobs at once`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            let blobs = (0..<40).map { SampleBlob(count: 2000 + $0, seed: UInt64($0)) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for blob in blobs { group.addTask { try await store.ingest(blob) } }
                try await group.waitForAll()
            }
            #expect(try await store.list() == blobs.map(\.digest).sorted())
        }
    }
}

private final class Counter: Sendable {
    private let count = Atomic(0)
    var value: Int { count.load(ordering: .relaxed) }

    @discardableResult
    func increment() -> Int { count.add(1, ordering: .relaxed).newValue }
}

/// In the pieces that curl brings.
private func pour(_ blob: SampleBlob, into store: LocalContentStore) async throws {
    try await store.ingest(blob.descriptor) { writer in
        for start in stride(from: 0, to: blob.bytes.count, by: 16_384) {
            try writer.append(blob, start..<min(start + 16_384, blob.bytes.count))
        }
    }
}
