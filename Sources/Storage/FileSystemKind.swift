internal import OCI
internal import SystemPackage

/// What a file system is known not to keep of what the store counts on: names that change at once, syncs that reach a
/// medium, locks that other machines see.
enum FileSystemKind {
    /// A sentence for the operator; `nil` for a file system that nothing is held against.
    /// - Parameter kind: as in `/proc/mounts`.
    static func doubt(about kind: String) -> String? {
        switch kind {
        case "tmpfs", "ramfs": "it is in memory: everything is lost when the machine ends"
        case "nfs", "nfs4": "it is NFS: a power cut of the server, or a second layerd elsewhere, can damage the store"
        case "cifs", "smb3": "it is SMB: a power cut, or a second layerd elsewhere, can damage the store"
        case "9p": "it is 9p: what is synced may not have reached the disk"
        case "overlay": "it is an overlay: the store goes with the container that it belongs to"
        case _ where kind.hasPrefix("fuse"): "it is FUSE: whether what is synced is on a disk is up to its program"
        default: nil
        }
    }

    /// The kind of file system that a device is mounted as; `nil` where the kernel does not tell.
    /// - Parameter mounts: as `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
    static func kind(of device: UInt64, mounts: String) -> String? {
        let (major, minor) = (device >> 8 & 0xFFF | device >> 32 & ~0xFFF, device & 0xFF | device >> 12 & ~0xFF)
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, fields[2] == "\(major):\(minor)", let dash = fields.firstIndex(of: "-") else {
                continue
            }
            return fields.dropFirst(dash + 1).first.map(String.init)
        }
        return nil
    }
}

extension LocalContentStore {
    /// Why the file system of the state directory is no good place for it, as a sentence; `nil` when it is, or nobody
    /// says.
    public func doubtAboutFileSystem() async -> String? {
        do {
            return try await lookups.run { [layout] in
                guard let device = try FileStatus.of(layout.root)?.identity.device else { return nil }
                let mounts = String(decoding: try readSmallFile("/proc/self/mountinfo", sized: false), as: UTF8.self)
                return FileSystemKind.kind(of: device, mounts: mounts).flatMap(FileSystemKind.doubt)
            }
        } catch { return nil }
    }
}
