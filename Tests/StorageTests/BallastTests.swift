import OCI
import TestSupport
import Testing

@testable import Storage

@Suite struct `A file system` {
    @Test(
        arguments: [
            ("ext4", nil), ("xfs", nil), ("btrfs", nil), ("tmpfs", "in memory"), ("nfs4", "NFS"), ("cifs", "SMB"),
            ("9p", "9p"), ("fuse.sshfs", "FUSE"), ("overlay", "overlay"),
        ] as [(String, String?)])
    func `that cannot keep what the store promises is told of`(kind: String, word: String?) {
        let doubt = FileSystemKind.doubt(about: kind)
        #expect(doubt?.contains(word ?? "nothing") ?? (word == nil), "\(doubt ?? "no doubt")")
    }
}

@Suite struct `The kernel's list of mounts` {
    private let mounts = """
        22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
        95 22 0:45 / /mnt rw,relatime shared:50 master:2 - nfs4 host:/x rw

        """

    @Test func `says what a device is mounted as`() {
        #expect(FileSystemKind.kind(of: 0xFE01, mounts: mounts) == "ext4")
        #expect(FileSystemKind.kind(of: 45, mounts: mounts) == "nfs4")
        #expect(FileSystemKind.kind(of: 46, mounts: mounts) == nil)
    }
}

@Suite(.enabled(if: mayMount, "only root may mount a file system")) struct `Room held for removals` {
    @Test func `is taken where there is plenty, given once, and taken again`() async throws {
        try await withSmallFileSystem("size=200m") { root in
            let store = try await LocalContentStore(root: root)
            let free = try await store.freeBytes()
            #expect(try await store.giveReserve())
            #expect(try await store.freeBytes() >= free + StoreLayout.ballastBytes)
            #expect(try await store.giveReserve() == false)
            try await store.takeReserve()
            #expect(try await store.freeBytes() <= free)
        }
    }

    @Test func `is not taken from a disk that has little`() async throws {
        try await withSmallFileSystem("size=20m") { root in
            let store = try await LocalContentStore(root: root)
            #expect(try names(in: root).contains("ballast") == false)
            #expect(try await store.giveReserve() == false)
        }
    }
}
