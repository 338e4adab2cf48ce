import Coordination
import FoundationEssentials
import Hashing
import OCI
import Synchronization
import TestSupport
import Testing

@testable import Storage

private let blob = SampleBlob(count: 900_000)

@Suite struct `An interrupted ingest` {
    @Test func `is gone on with after a restart`() async throws {
        try await withStateDirectory { root in
            let first = try await LocalContentStore(root: root)
            try await interrupt(blob, after: 700_001, in: first)
            first.close()
            let second = try await LocalContentStore(root: root)
            #expect(try await ingestAndTellOffset(second) == 700_001)
            #expect(try await second.read(blob.digest, limit: 900_000) == blob.bytes)
        }
    }

    @Test func `is gone on with after a kill, from the bytes that were written`() async throws {
        try await withStateDirectory { root in
            let copy = root + "-killed"
            let store = try await LocalContentStore(root: root)
            try await store.ingest(blob.descriptor) { writer in
                try writer.append(blob, 0..<600_000)
                try writer.append(blob, 600_000..<600_100)
                try FileManager.default.copyItem(atPath: root, toPath: copy)
                try writer.append(blob, 600_100..<900_000)
            }
            let next = try await LocalContentStore(root: copy)
            #expect(try await next.ingests().map(\.bytes) == [600_000])
            #expect(try await ingestAndTellOffset(next) == 600_000)
        }
    }

    /// Whoever lists them finds some that are being finished or given up at that moment.
    @Test func `is listed or not while others end, and never an error`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            let isOver = Locked(false)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in UInt8(0)..<200 {
                        let bytes = [number, 1, 2]
                        let half = Descriptor(mediaType: .ociLayer, digest: .sha256(of: bytes), size: 3)
                        await #expect(throws: CancellationError.self) {
                            try await store.ingest(half) { writer in
                                try writer.append(Array(bytes.prefix(2)).span.bytes)
                                throw CancellationError()
                            }
                        }
                        try await store.dropIngest(half.digest)
                    }
                    isOver.withLock { $0 = true }
                }
                group.addTask {
                    while !isOver.withLock({ $0 }) {
                        let held = try await store.ingests()
                        #expect(held.count <= 1)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await store.ingests() == [])
        }
    }

    @Test func `fails when its bytes were damaged, drops them, and then succeeds`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await interrupt(blob, after: 500_000, in: store)
            let data = ingestPath(blob.digest, in: root) + "/data"
            var bytes = try contents(of: data)
            bytes[1234] ^= 1
            try write(bytes, to: data)
            let error = await #expect(throws: StorageError.self) { _ = try await ingestAndTellOffset(store) }
            #expect(error?.kind == .integrity)
            #expect(try names(in: root + "/ingest") == [])
            #expect(try await ingestAndTellOffset(store) == 0)
        }
    }

    @Test(arguments: [nil, "", "{", "[]", #"{"digest":"sha256:00","size":900000,"extents":[[0,500000]]}"#])
    func `begins anew when its state cannot be read`(state: String?) async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await interrupt(blob, after: 500_000, in: store)
            let path = ingestPath(blob.digest, in: root) + "/state.json"
            try FileManager.default.removeItem(atPath: path)
            if let state { try write(Array(state.utf8), to: path) }
            #expect(try await store.ingests() == [])
            #expect(try await ingestAndTellOffset(store) == 0)
        }
    }

    @Test func `begins anew when its bytes are a link to somewhere else, which is left alone`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await interrupt(blob, after: 500_000, in: store)
            let data = ingestPath(blob.digest, in: root) + "/data"
            let victim = root + "/victim"
            try write(Array(blob.bytes[..<10]), to: victim)
            try FileManager.default.removeItem(atPath: data)
            try FileManager.default.createSymbolicLink(atPath: data, withDestinationPath: victim)
            #expect(try await ingestAndTellOffset(store) == 0)
            #expect(try contents(of: victim) == Array(blob.bytes[..<10]))
        }
    }

    @Test func `gives back the space that was reserved for bytes that did not come`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            let large = Descriptor(mediaType: .ociLayer, digest: blob.digest, size: 64 << 20)
            await #expect(throws: Interruption.self) {
                try await store.ingest(large) { writer in
                    try writer.append(blob, 0..<500_000)
                    throw Interruption()
                }
            }
            #expect(try await store.usage().ingest.physical < 2 << 20)
        }
    }

    @Test func `is listed with what it holds, as is one in progress`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await interrupt(blob, after: 500_000, in: store)
            for foreign in ["notes", "sha256-abc", "sha256-" + String(repeating: "A", count: 64)] {
                try FileManager.default.createDirectory(
                    atPath: root + "/ingest/" + foreign, withIntermediateDirectories: true)
            }
            let held = try #require(try await store.ingests().first)
            #expect(held.digest == blob.digest && held.bytes == 500_000 && held.total == 900_000 && !held.isActive)
            try await store.ingest(blob.descriptor) { writer in
                try writer.append(blob, 500_000..<500_010)
                #expect(try await store.ingests().map(\.bytes) == [500_010])
                #expect(try await store.ingests().map(\.isActive) == [true])
                #expect(try await store.dropIngest(blob.digest) == false)
                try writer.append(blob, 500_010..<900_000)
            }
            #expect(try await store.ingests() == [])
        }
    }

    @Test func `can be dropped`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await interrupt(blob, after: 500_000, in: store)
            #expect(try await store.dropIngest(blob.digest))
            #expect(try names(in: root + "/ingest") == [])
            #expect(try await ingestAndTellOffset(store) == 0)
        }
    }

    @Test func `without bytes is swept at the next start`() async throws {
        try await withStateDirectory { root in
            try await LocalContentStore(root: root).close()
            try FileManager.default.createDirectory(
                atPath: ingestPath(blob.digest, in: root), withIntermediateDirectories: false)
            try await LocalContentStore(root: root).close()
            #expect(try names(in: root + "/ingest") == [])
        }
    }
}

private func ingestAndTellOffset(_ store: LocalContentStore) async throws -> Int {
    let began = Mutex(-1)
    try await store.ingest(blob.descriptor) { writer in
        began.withLock { $0 = Int(writer.offset) }
        try writer.append(blob, Int(writer.offset)..<blob.bytes.count)
    }
    return began.withLock { $0 }
}
