import Glibc
import TestSupport

/// A directory to lose: a file system of its own in a file, or a plain directory.
struct FileSystemUnderTest: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case ext4, xfs, plain
    }

    let kind: Kind
    let place: String
    private let image: String

    init(_ kind: Kind, in directory: TemporaryDirectory) async throws {
        self.kind = kind
        place = directory.path("m")
        image = directory.path("disk")
        try Files.makeDirectory(place)
        guard kind != .plain else { return }
        try Files.write("", to: image)
        // The least that mkfs.xfs takes; sparse.
        truncate(image, 320 << 20)
        try await runChecked("mkfs.\(kind.rawValue)", ["-q", image])
        try await mount()
    }

    func mount() async throws {
        if kind != .plain { try await runChecked("mount", ["-o", "loop", image, place]) }
    }

    /// Whatever still has it open is gone soon: it was killed.
    func unmount() async throws {
        guard kind != .plain else { return }
        for _ in 0..<50 {
            if try await runProcess("umount", [place]).status == 0 { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        try await runChecked("umount", ["-l", place])
    }

    /// As after a power cut: what was not durable is gone, and the journal is replayed.
    func comeBack() async throws {
        try await unmount()
        try await mount()
    }

    /// Whether this machine lets us mount, with the reason it does not.
    static let mayMount =
        geteuid() == 0 && which("mkfs.ext4") != nil && which("mkfs.xfs") != nil
        && access("/dev/loop-control", W_OK) == 0
}
