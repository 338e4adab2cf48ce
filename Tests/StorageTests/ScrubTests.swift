import Foundation
import Glibc
import OCI
import TestSupport
import Testing

@testable import Storage

private let sample = SampleBlob(count: 3_000_000)

@Suite struct `A scrub of a blob` {
    @Test func `that is well says so, and it is verified`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await store.ingest(sample)
            #expect(try await store.scrub(sample.digest, rate: .max, keeping: false) == .intact)
            #expect(try await store.scrub(SampleBlob(count: 3).digest, rate: .max, keeping: false) == .gone)
        }
    }

    @Test func `goes no faster than it may`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await store.ingest(sample)
            let begun = ContinuousClock.now
            #expect(try await store.scrub(sample.digest, rate: 10_000_000, keeping: false) == .intact)
            #expect(ContinuousClock.now - begun >= .milliseconds(290))
        }
    }

    @Test(arguments: [true, false])
    func `that is damaged puts it into quarantine, unless it was only to look`(keeping: Bool) async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await store.ingest(sample)
            let path = blobPath(sample.digest, in: root)
            chmod(path, 0o644)
            let file = try FileHandle(forUpdating: URL(filePath: path))
            try file.seek(toOffset: 2_999_999)
            try file.write(contentsOf: [sample.bytes[2_999_999] ^ 1])
            try file.close()
            guard case .damaged(let reason) = try await store.scrub(sample.digest, rate: .max, keeping: keeping) else {
                Issue.record("a flipped bit was not found")
                return
            }
            #expect(reason.contains("hash"))
            #expect(try await store.size(of: sample.digest) == (keeping ? 3_000_000 : nil))
            #expect(try names(in: root + "/quarantine").count == (keeping ? 0 : 1))
        }
    }

    /// A flipped bit on the disk does not show in a cached read: what the page cache holds is dropped first.
    @Test(.enabled(if: mayMount, "only root may mount a file system"))
    func `reads from the medium what the page cache hides`() async throws {
        try await withStateDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory + "/m", withIntermediateDirectories: true)
            let image = directory + "/disk"
            try write([], to: image)
            truncate(image, 32 << 20)
            try await runChecked("mkfs.ext4", ["-q", "-b", "4096", image])
            guard try await runProcess("mount", ["-o", "loop", image, directory + "/m"]).status == 0 else { return }
            defer { umount2(directory + "/m", Int32(MNT_DETACH)) }
            let store = try await LocalContentStore(root: directory + "/m/state")
            try await store.ingest(sample)
            sync()
            let disk = try Data(contentsOf: URL(filePath: image))
            let needle = Data(sample.bytes[40_960..<45_056])
            let place = try #require(disk.range(of: needle)).lowerBound
            let file = try FileHandle(forUpdating: URL(filePath: image))
            try file.seek(toOffset: UInt64(place))
            try file.write(contentsOf: [0xFF ^ needle[needle.startIndex]])
            try file.synchronize()
            try file.close()
            #expect(try contents(of: blobPath(sample.digest, in: directory + "/m/state")) == sample.bytes)
            let verdict = try await store.scrub(sample.digest, rate: .max, keeping: false)
            #expect(verdict != .intact)
            store.close()
        }
    }
}
