import FoundationEssentials
import OCI
import TestSupport
import Testing

@testable import Storage

@Suite struct `The bytes of all blobs` {
    private let stray = SampleBlob(count: 5000, seed: 9)

    /// Puts a blob there as no store does, so that only a walk would find it.
    private func plant(in root: String) throws { try write(stray.bytes, to: blobPath(stray.digest, in: root)) }

    @Test func `follow what comes, goes and turns out damaged, without a walk`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            #expect(try await store.blobBytes() == 0)
            try plant(in: root)
            let (one, two) = (SampleBlob(count: 1000), SampleBlob(count: 20_000, seed: 2))
            try await store.ingest(one)
            try await store.ingest(two)
            #expect(try await store.blobBytes() == 21_000)
            let staged = try store.stage(expecting: 300, algorithm: .sha256)
            try staged.append(SampleBlob(count: 300, seed: 3).bytes.span.bytes)
            _ = try staged.seal()
            #expect(try await store.commit(staged) == .stored)
            #expect(try await store.blobBytes() == 21_300)
            try await store.remove(one.digest)
            try await store.remove(one.digest)
            #expect(try await store.blobBytes() == 20_300)
            try Impostor.flippedBit.put(at: blobPath(two.digest, in: root), in: root, bytes: two.bytes)
            await #expect(throws: StorageError.self) { _ = try await store.read(two.digest, limit: 20_000) }
            #expect(try await store.blobBytes() == 300)
        }
    }

    @Test func `do not count a name that could not be made durable`() async throws {
        try await withStateDirectory { root in
            let steps = Steps { _, step throws(StorageError) in if step == .syncDirectory { throw .broken } }
            let store = try await steps.store(root)
            #expect(try await store.blobBytes() == 0)
            await #expect(throws: StorageError.self) { try await store.ingest(SampleBlob(count: 1000)) }
            #expect(try await store.blobBytes() == 0)
        }
    }

    @Test func `are known after an orderly stop, and counted again by the next listing`() async throws {
        try await withStateDirectory { root in
            let first = try await LocalContentStore(root: root)
            try await first.ingest(SampleBlob(count: 1000))
            _ = try await first.blobBytes()
            try await first.markOrderlyStop()
            first.close()
            try plant(in: root)
            let second = try await LocalContentStore(root: root)
            #expect(try await second.blobBytes() == 1000)
            _ = try await second.blobs()
            #expect(try await second.blobBytes() == 6000)
            second.close()
            // Killed: nobody left word.
            let third = try await LocalContentStore(root: root)
            _ = try await third.survey(recorded: [:])
            #expect(try await third.blobBytes() == 6000)
        }
    }
}
