import FoundationEssentials
import Glibc
import OCI
import TestSupport
import Testing

@testable import Storage

@Suite struct `A state directory` {
    @Test func `is made as an image layout when there is none`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root + "/deep/down")
            #expect(try names(in: store.root).filter { $0 != "ballast" } == ["ingest", "quarantine", "store"])
            #expect(try names(in: store.root + "/store") == ["blobs", "index.json", "oci-layout"])
            #expect(try names(in: store.root + "/store/blobs") == ["sha256", "sha512"])
            let layout = String(decoding: try contents(of: store.root + "/store/oci-layout"), as: UTF8.self)
            #expect(layout == #"{"imageLayoutVersion":"1.0.0"}"#)
            let index = String(decoding: try contents(of: store.root + "/store/index.json"), as: UTF8.self)
            #expect(
                index == #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#)
        }
    }

    @Test func `is opened again with all that is in it`() async throws {
        try await withStateDirectory { root in
            let blob = SampleBlob(count: 1000)
            let first = try await LocalContentStore(root: root)
            try await first.ingest(blob)
            try await first.writeIndex([
                NamedDescriptor(reference: try Reference(parsing: "alpine:3.20"), descriptor: blob.descriptor)
            ])
            let index = try contents(of: root + "/store/index.json")
            first.close()
            let second = try await LocalContentStore(root: root)
            #expect(try await second.read(blob.digest, limit: 1000) == blob.bytes)
            #expect(try contents(of: root + "/store/index.json") == index)
        }
    }

    @Test func `belongs to one store until that is closed`() async throws {
        try await withStateDirectory { root in
            let first = try await LocalContentStore(root: root)
            await #expect(throws: StorageError.locked(path: root)) { _ = try await LocalContentStore(root: root) }
            first.close()
            _ = try await LocalContentStore(root: root)
        }
    }

    @Test func `is made whole when a power cut left it half made`() async throws {
        try await withStateDirectory { root in
            try await LocalContentStore(root: root).close()
            try write([], to: root + "/store/oci-layout")
            try write([], to: root + "/store/index.json")
            try FileManager.default.removeItem(atPath: root + "/store/blobs/sha512")
            try await LocalContentStore(root: root).close()
            #expect(try contents(of: root + "/store/oci-layout").count == 30)
            #expect(try contents(of: root + "/store/index.json").count > 30)
            #expect(try names(in: root + "/store/blobs") == ["sha256", "sha512"])
        }
    }

    @Test func `is refused when it holds a layout of another version`() async throws {
        try await withStateDirectory { root in
            try await LocalContentStore(root: root).close()
            try write(Array(#"{"imageLayoutVersion":"2.0.0"}"#.utf8), to: root + "/store/oci-layout")
            let expected = StorageError.foreignLayout(path: root + "/store/oci-layout", version: "2.0.0")
            await #expect(throws: expected) { _ = try await LocalContentStore(root: root) }
        }
    }

    @Test(.enabled(if: mayMount, "only root may mount a file system"))
    func `is refused when blobs and ingests are on different file systems`() async throws {
        try await withStateDirectory { root in
            try await LocalContentStore(root: root).close()
            let blobs = root + "/store/blobs/sha256"
            try #require(mount("tmpfs", blobs, "tmpfs", 0, "size=1m") == 0)
            defer { umount2(blobs, Int32(MNT_DETACH)) }
            let expected = StorageError.splitFileSystems(ingest: root + "/ingest", blobs: blobs)
            await #expect(throws: expected) { _ = try await LocalContentStore(root: root) }
        }
    }

    @Test(.enabled(if: mayMount, "only root may mount a file system"))
    func `that is read-only is refused with a sentence that says so`() async throws {
        try await withSmallFileSystem("size=1m") { root in
            let parent = String(root.dropLast("/state".count))
            try #require(mount("tmpfs", parent, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0)
            let error = await #expect(throws: StorageError.self) { _ = try await LocalContentStore(root: root) }
            #expect(error?.kind == .internalFailure)
            #expect(error?.description.contains("the file system is read-only") == true)
        }
    }

    @Test func `lists blobs only, whatever else lies among them`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            let blob = SampleBlob(count: 1000)
            try await store.ingest(blob)
            let blobs = root + "/store/blobs/"
            let hex = String(repeating: "a", count: 64)
            try write([1], to: blobs + "sha256/notes.txt")
            try write([1], to: blobs + "sha256/" + hex.uppercased())
            try write([1], to: blobs + "sha512/" + hex)
            try write([1], to: blobs + hex)
            try FileManager.default.createDirectory(atPath: blobs + "sha256/" + hex, withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(
                atPath: blobs + "sha256/" + String(repeating: "b", count: 64), withDestinationPath: "notes.txt")
            #expect(try await store.list() == [blob.digest])
            #expect(try await store.blobs().map(\.size) == [1000])
        }
    }

    @Test func `says what its parts take`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            #expect(try await store.usage() == StoreUsage())
            try await store.ingest(SampleBlob(count: 5000))
            try await interrupt(SampleBlob(count: 9000, seed: 2), after: 7000, in: store)
            try write([1, 2, 3], to: root + "/quarantine/something")
            let usage = try await store.usage()
            #expect(usage.blobs.logical == 5000)
            #expect(usage.blobs.physical >= 5000 && usage.blobs.physical % 512 == 0)
            #expect(usage.ingest.logical > 7000 && usage.ingest.logical < 8000)
            #expect(usage.quarantine.logical == 3)
        }
    }
}
