import FoundationEssentials
import Glibc
import OCI
import SystemPackage
import TestSupport
import Testing

@testable import Storage

private let blob = SampleBlob(count: 10_000)

/// What can be found under a blob's name that is not the blob.
enum Impostor: CaseIterable {
    case flippedBit, truncated, extended, empty, link, pipe, directory

    func put(at path: String, in root: String, bytes: [UInt8] = blob.bytes) throws {
        try FileManager.default.removeItem(atPath: path)
        switch self {
        case .flippedBit: try write([bytes[0] ^ 1] + bytes.dropFirst(), to: path)
        case .truncated: try write(Array(bytes.dropLast()), to: path)
        case .extended: try write(bytes + [0], to: path)
        case .empty: try write([], to: path)
        case .link:
            try write(bytes, to: root + "/elsewhere")
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: root + "/elsewhere")
        case .pipe: #expect(mkfifo(path, 0o600) == 0)
        case .directory: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
    }
}

@Suite struct `A blob that is not what its name says` {
    @Test(arguments: Impostor.allCases)
    func `is not read, goes into quarantine, and can come again`(impostor: Impostor) async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await store.ingest(blob)
            try impostor.put(at: blobPath(blob.digest, in: root), in: root)
            let error = await #expect(throws: StorageError.self) {
                _ = try await store.read(blob.digest, limit: 20_000)
            }
            #expect(error?.kind == .integrity)
            #expect(try await store.size(of: blob.digest) == nil)
            #expect(try names(in: root + "/quarantine").count == 1)
            #expect(try await store.ingest(blob) == .stored)
            #expect(try await store.read(blob.digest, limit: 20_000) == blob.bytes)
        }
    }

    @Test(arguments: Impostor.allCases.filter { $0 != .flippedBit })
    func `is found out by its size or kind when it is to be ingested`(impostor: Impostor) async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await store.ingest(blob)
            try impostor.put(at: blobPath(blob.digest, in: root), in: root)
            #expect(try await store.ingest(blob) == .stored)
            #expect(try await store.read(blob.digest, limit: 20_000) == blob.bytes)
            #expect(try names(in: root + "/quarantine").count == 1)
        }
    }

    @Test(arguments: [Impostor.link, .pipe, .directory])
    func `is not opened when it is no file`(impostor: Impostor) async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await store.ingest(blob)
            try impostor.put(at: blobPath(blob.digest, in: root), in: root)
            let error = await #expect(throws: StorageError.self) { _ = try await store.open(blob.digest) }
            #expect(error?.kind == .integrity)
        }
    }

    @Test func `is kept for inspection up to a budget, the newest last`() async throws {
        try await withStateDirectory { root in
            let store = try await Steps().store(root, quarantineBudget: 40_000)
            let blobs = (0..<5).map { SampleBlob(count: 10_000, seed: UInt64($0)) }
            for blob in blobs {
                try await store.ingest(blob)
                try write(Array(blob.bytes.reversed()), to: blobPath(blob.digest, in: root))
                await #expect(throws: StorageError.self) { _ = try await store.read(blob.digest, limit: 10_000) }
            }
            let kept = try names(in: root + "/quarantine").map { String($0.prefix(71)) }
            #expect(kept == blobs.suffix(3).map(\.digest.fileName).sorted())
            #expect(try await store.usage().quarantine.physical <= 40_000)
        }
    }

    @Test func `is left alone when a good one has taken its place meanwhile`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await store.ingest(blob)
            let path = FilePath(blobPath(blob.digest, in: root))
            let seen = try #require(try FileStatus.of(path))
            try write(blob.bytes, to: path.string + "-good")
            try #require(rename(path.string + "-good", path.string) == 0)
            try await store.setAside(blob.digest, seen: seen)
            #expect(try await store.read(blob.digest, limit: 10_000) == blob.bytes)
            #expect(try names(in: root + "/quarantine") == [])
        }
    }
}

@Suite struct `A blob that was found damaged` {
    @Test func `is not taken away once a good one has its name`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await store.ingest(blob)
            let path = FilePath(blobPath(blob.digest, in: root))
            try Impostor.flippedBit.put(at: path.string, in: root)
            let seen = try #require(try FileStatus.of(path))
            try await store.setAside(blob.digest, seen: seen)
            try await store.ingest(blob)
            // Whoever looked before comes late.
            try await store.setAside(blob.digest, seen: seen)
            #expect(try await store.read(blob.digest, limit: 20_000) == blob.bytes)
            #expect(try names(in: root + "/quarantine").count == 1)
        }
    }
}
