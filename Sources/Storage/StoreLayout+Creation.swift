internal import Glibc
internal import OCI
internal import SystemPackage

extension StoreLayout {
    /// Takes the state directory for this process, making it first if need be. It is held until the returned file is
    /// closed.
    /// - Throws: ``StorageError/locked(path:)`` when another process has it.
    func lock() throws(StorageError) -> OpenFile {
        try makeRoot()
        let directory = try OpenFile(directory: root)
        do {
            try systemCall("lock", root) { Int(flock(directory.descriptor, LOCK_EX | LOCK_NB)) }
        } catch .system(let failure) where failure.code == .wouldBlock {
            throw .locked(path: root.string)
        }
        return directory
    }

    /// Makes what is missing. Every directory is synced, whether it was made now or in a start that died before its
    /// own sync, so a power cut leaves a layout that the next start completes.
    func create() throws(StorageError) {
        for (directory, mode) in [(store, 0o755), (blobs, 0o755), (ingest, 0o700), (quarantine, 0o700)] {
            _ = try Names.makeDirectory(directory, mode: mode_t(mode))
        }
        for algorithm in Digest.Algorithm.allCases {
            _ = try Names.makeDirectory(blobs(algorithm), mode: 0o755)
        }
        for directory in [blobs, store, root] { try OpenFile(directory: directory).sync() }
        try refuseSplitFileSystems()
        try writeLayoutFile()
        if try FileStatus.of(indexFile).map({ $0.size == 0 }) ?? true {
            try replaceDurably(indexFile, with: IndexFile.document([]))
        }
    }

    /// Takes away ingests of which nothing can be used: of a process that died between two steps, or had committed the
    /// blob. The others stay, for a pull to resume after. One that cannot be looked at or removed is no reason not to
    /// start; it is met again when its digest is.
    func sweepIngests() throws(StorageError) {
        for directory in try ingests() {
            do throws(StorageError) {
                if try directory.held().map({ $0.extents.total == 0 }) ?? true { try directory.discard() }
            } catch {}
        }
    }

    private func makeRoot() throws(StorageError) {
        var missing: [FilePath] = []
        var path = root
        while !path.isEmpty, try FileStatus.of(path) == nil {
            missing.append(path)
            path = path.removingLastComponent()
        }
        for directory in missing.reversed() {
            let parent = directory.removingLastComponent()
            if try Names.makeDirectory(directory, mode: 0o755) {
                try OpenFile(directory: parent.isEmpty ? "." : parent).sync()
            }
        }
    }

    private func refuseSplitFileSystems() throws(StorageError) {
        let home = try FileStatus.of(ingest)?.identity.device
        for directory in Digest.Algorithm.allCases.map({ blobs($0) }) + [quarantine]
        where try FileStatus.of(directory)?.identity.device != home {
            throw .splitFileSystems(ingest: ingest.string, blobs: directory.string)
        }
    }

    /// A file that cannot be read as the specification says is written anew: a power cut at the first start can leave
    /// it empty.
    ///
    /// Source: OCI image-spec v1.1.1, `image-layout.md`, "oci-layout file".
    private func writeLayoutFile() throws(StorageError) {
        if let version = try layoutVersion() {
            guard version == "1.0.0" else { throw .foreignLayout(path: layoutFile.string, version: version) }
            return
        }
        let content: JSON = ["imageLayoutVersion": "1.0.0"]
        try replaceDurably(layoutFile, with: content.serialized())
    }

    private func layoutVersion() throws(StorageError) -> String? {
        guard try FileStatus.of(layoutFile) != nil else { return nil }
        let bytes = try readSmallFile(layoutFile)
        do { return try JSON(parsing: bytes)["imageLayoutVersion"]?.string } catch { return nil }
    }
}

/// Small files beside the blobs are far below this; what is longer is not ours.
private let smallFileLimit = 64 << 10

/// The first 64 KiB of a file. The kernel's own files have no size beforehand.
func readSmallFile(_ path: FilePath, sized: Bool = true) throws(StorageError) -> [UInt8] {
    let file = try OpenFile(path, O_RDONLY, to: "open")
    let size = sized ? try file.status().size : Int64(smallFileLimit)
    var bytes = [UInt8](repeating: 0, count: Int(min(Int64(smallFileLimit), max(0, size))))
    let count = try file.read(bytes.count, into: &bytes, at: 0)
    return Array(bytes.prefix(count))
}

/// Puts new content under a name, so that after a power cut the name has the old content or the new, never a mixture.
func replaceDurably(_ path: FilePath, with bytes: [UInt8]) throws(StorageError) {
    try replace(path, with: bytes, mode: 0o644) { file throws(StorageError) in try file.sync() }
    try OpenFile(directory: path.removingLastComponent()).sync()
}

/// Puts new content under a name, so that a reader, or a process that comes after a kill, sees the old or the new.
func replace(
    _ path: FilePath, with bytes: [UInt8], mode: mode_t,
    beforeRename settle: (OpenFile) throws(StorageError) -> Void = { _ throws(StorageError) in }
) throws(StorageError) {
    let draft = FilePath(path.string + ".new")
    try FileTree.remove(draft)
    let file = try OpenFile(draft, O_WRONLY | O_CREAT | O_EXCL, mode: mode, to: "make")
    do {
        try file.write(bytes.span.bytes, at: 0)
        try settle(file)
        try Names.rename(draft, to: path)
    } catch {
        Names.discard(draft)
        throw error
    }
}
