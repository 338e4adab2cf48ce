import FoundationEssentials
import OCI
import SystemPackage
import TestSupport
import Testing

@testable import Storage

@Suite struct `A full disk` {
    @Test(.enabled(if: mayMount, "only root may mount a file system"))
    func `is told before the first byte, leaves nothing behind, and serving goes on`() async throws {
        try await withSmallFileSystem("size=1m") { root in
            let store = try await LocalContentStore(root: root)
            let small = SampleBlob(count: 1000)
            try await store.ingest(small)
            let large = SampleBlob(count: 4 << 20)
            let error = await #expect(throws: StorageError.self) {
                try await store.ingest(large.descriptor) { _ in Issue.record("asked for bytes it has no room for") }
            }
            #expect(error?.kind == .outOfSpace)
            #expect(error?.description.contains("no space left on device (needs 4194304 bytes, free ") == true)
            #expect(try names(in: root + "/ingest") == [])
            #expect(try await store.read(small.digest, limit: 1000) == small.bytes)
            #expect(try await store.ingest(SampleBlob(count: 2000)) == .stored)
        }
    }

    @Test(.enabled(if: mayMount, "only root may mount a file system"))
    func `of which the files are used up is told as such`() async throws {
        try await withSmallFileSystem("size=1m,nr_inodes=11") { root in
            let store = try await LocalContentStore(root: root)
            let error = await #expect(throws: StorageError.self) {
                for seed in 0..<4 { try await store.ingest(SampleBlob(count: 10, seed: UInt64(seed))) }
            }
            #expect(error?.kind == .outOfSpace)
            #expect(try names(in: root + "/ingest") == [])
        }
    }

    @Test(.enabled(if: mayMount, "only root may mount a file system"))
    func `ends a write that nothing was reserved for, and drops the bytes`() async throws {
        try await withSmallFileSystem("size=200k") { root in
            let store = try await LocalContentStore(root: root)
            let blob = SampleBlob(count: 250_000)
            let error = await #expect(throws: StorageError.self) { try await store.ingest(blob) }
            #expect(error?.kind == .outOfSpace)
            #expect(error?.description.contains("needs 250000 bytes") == true)
            #expect(try names(in: root + "/ingest") == [])
        }
    }
}

@Suite struct `A size that no disk has` {
    @Test func `is refused before the first byte`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            let absurd = Descriptor(mediaType: .ociLayer, digest: SampleBlob(count: 1).digest, size: .max)
            let error = await #expect(throws: StorageError.self) {
                try await store.ingest(absurd) { _ in Issue.record("asked for bytes it has no room for") }
            }
            #expect(error?.kind == .outOfSpace)
            #expect(try names(in: root + "/ingest") == [])
        }
    }
}

@Suite struct `What the system refuses` {
    @Test(
        arguments: [
            (Errno.noSpace, FaultKind.outOfSpace, "no space left on device; remove images"),
            (.diskQuotaExceeded, .outOfSpace, "the disk quota is used up; remove images"),
            (.fileTooLarge, .outOfSpace, "the file would be longer than"),
            (.ioError, .internalFailure, "cannot sync /state/x: the disk reports an I/O error"),
            (.readOnlyFileSystem, .internalFailure, "the file system is read-only"),
            (.tooManyOpenFiles, .unavailable(retryAfter: nil), "raise LimitNOFILE"),
            (.permissionDenied, .internalFailure, "must belong to the user"),
            (.improperLink, .internalFailure, "must be on one"),
        ] as [(Errno, FaultKind, String)])
    func `is told in a sentence with a remedy`(code: Errno, kind: FaultKind, text: String) {
        let error = StorageError(SystemFailure("sync", "/state/x", code))
        #expect(error.kind == kind)
        #expect(error.description.contains(text))
    }
}
