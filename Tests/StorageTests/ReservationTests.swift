import OCI
import TestSupport
import Testing

@testable import Storage

private let megabyte = 1 << 20

private func blob(_ seed: UInt64, _ count: Int) -> SampleBlob { SampleBlob(count: count, seed: seed) }

@Suite(.enabled(if: mayMount, "only root may mount a file system")) struct `Room on the disk` {
    @Test func `is refused at once, with what is needed and what is free`() async throws {
        try await withSmallFileSystem("size=2m") { root in
            let store = try await LocalContentStore(root: root)
            let error = await #expect(throws: StorageError.self) {
                try await store.reserve([blob(1, megabyte).descriptor, blob(2, 2 * megabyte).descriptor])
            }
            guard case .noRoom(needed: 3_145_728, let free, unit: .bytes) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect((1..<2_097_152).contains(free))
            #expect(error?.description.contains("needs 3145728 bytes, free \(free)") == true)
            #expect(error?.kind == .outOfSpace)
        }
    }

    @Test func `that one has spoken for is not there for others, until it is given back`() async throws {
        try await withSmallFileSystem("size=2m") { root in
            let store = try await LocalContentStore(root: root)
            let (first, second) = (blob(1, megabyte + 300_000), blob(2, megabyte))
            let held = try await store.reserve([first.descriptor])
            let again = try await store.reserve([first.descriptor])
            await #expect(throws: StorageError.self) { try await store.reserve([second.descriptor]) }
            again.release()
            again.release()
            await #expect(throws: StorageError.self, "one of two still speaks for it") {
                try await store.reserve([second.descriptor])
            }
            held.release()
            try await store.reserve([second.descriptor]).release()
        }
    }

    @Test func `is not counted twice once its bytes are on the disk`() async throws {
        try await withSmallFileSystem("size=3m") { root in
            let store = try await LocalContentStore(root: root)
            let (first, second) = (blob(1, megabyte + 500_000), blob(2, megabyte))
            let held = try await store.reserve([first.descriptor])
            try await store.ingest(first)
            let other = try await store.reserve([second.descriptor])
            try await store.ingest(second)
            #expect(try await store.list().count == 2)
            (held, other).0.release()
            other.release()
        }
    }

    @Test func `of a pull that failed is there for the next`() async throws {
        try await withSmallFileSystem("size=2m") { root in
            let store = try await LocalContentStore(root: root)
            let large = blob(1, 1_500_000)
            do {
                let held = try await store.reserve([large.descriptor])
                try await interrupt(large, after: 0, in: store)
                held.release()
            }
            let other = blob(2, 1_500_000)
            try await store.reserve([other.descriptor]).release()
            #expect(try await store.ingest(other) == .stored)
        }
    }

    @Test func `that is to stay free is no room, and what can go is asked to`() async throws {
        try await withSmallFileSystem("size=4m") { root in
            let store = try await LocalContentStore(root: root)
            let old = blob(1, megabyte)
            try await store.ingest(old)
            store.keepFree(Int64(2 * megabyte)) { missing in
                #expect(missing > 0)
                do { try await store.remove(old.digest) } catch { Issue.record(error) }
            }
            try await store.reserve([blob(2, 1_500_000).descriptor]).release()
            #expect(try await store.size(of: old.digest) == nil)
            await #expect(throws: StorageError.self) { try await store.reserve([blob(3, 3 * megabyte).descriptor]) }
        }
    }

    @Test func `counts files as well`() async throws {
        try await withSmallFileSystem("size=4m,nr_inodes=20") { root in
            let store = try await LocalContentStore(root: root)
            let error = await #expect(throws: StorageError.self) {
                try await store.reserve((0..<8).map { blob($0, 10).descriptor })
            }
            guard case .noRoom(needed: 32, free: _, unit: .files) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `of sizes that no disk has is refused and not added up past the end`() async throws {
        try await withSmallFileSystem("size=1m") { root in
            let store = try await LocalContentStore(root: root)
            let vast = (1...3).map {
                Descriptor(mediaType: .ociLayer, digest: blob($0, 1).digest, size: .max - 1)
            }
            await #expect(throws: StorageError.self) { try await store.reserve(vast) }
        }
    }
}
