internal import Layers
internal import OCI
internal import Pulling
internal import Storage

/// One regular file of an archive, out of the way: small ones in memory, the others in the store's staging.
struct ArchiveFile: Sendable {
    enum Place: Sendable {
        case memory([UInt8])
        /// With the room that was made for it, until it is a blob.
        case staged(any StagedBlob, SpaceAdmission?)
    }

    var digest: Digest
    /// Bytes.
    var size: Int64
    var place: Place
    /// What it is as a layer, or why it is none.
    var layer: Result<UnpackedLayer, LayersError>

    /// Blocks where it is staged.
    func read(limit: Int) throws -> [UInt8] {
        switch place {
        case .staged(let blob, _): return try blob.read(limit: limit)
        case .memory(let bytes):
            guard bytes.count <= limit else { throw StorageError.tooLarge(digest, size: size, limit: limit) }
            return bytes
        }
    }
}

/// What an archive held: files by their paths, and what its links say.
struct ArchiveTable: Sendable {
    private(set) var files: [String: ArchiveFile] = [:]
    private(set) var links: [String: String] = [:]
    private var blobs: [Digest: String] = [:]
    private var nameBytes = 0

    /// All names together, in bytes. Real archives have a few hundred entries.
    private static let maximumNames = 4 << 20
    private static let maximumHops = 8

    /// Takes a name, which must be new.
    func checkNew(_ path: String) throws {
        guard files[path] == nil, links[path] == nil else { throw ArchiveError.duplicate(path) }
    }

    mutating func add(_ file: ArchiveFile, at path: String) throws {
        try charge(path)
        if let named = Self.blobDigest(path) {
            guard named == file.digest else { throw ArchiveError.wrongDigest(name: path, actual: file.digest) }
            blobs[named] = path
        }
        files[path] = file
    }

    /// - Parameter target: as the link says it, relative to where the link is.
    mutating func add(link path: String, to target: String) throws {
        try charge(path + target)
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        guard !target.hasPrefix("/"), let resolved = Self.normalized(parent + "/" + target) else {
            throw ArchiveError.unsafePath("\(path) -> \(target)")
        }
        links[path] = resolved
    }

    /// The file of that name, through links; `nil` when there is none.
    /// - Throws: ``ArchiveError/unsafePath(_:)``, ``ArchiveError/badLink(_:)``.
    func file(_ name: String) throws -> ArchiveFile? {
        guard !name.hasPrefix("/"), var path = Self.normalized(name) else { throw ArchiveError.unsafePath(name) }
        for _ in 0...Self.maximumHops {
            if let file = files[path] { return file }
            guard let next = links[path] else {
                if path == Self.normalized(name) { return nil }
                throw ArchiveError.badLink(name)
            }
            path = next
        }
        throw ArchiveError.badLink(name)
    }

    func blob(_ digest: Digest) -> ArchiveFile? { blobs[digest].flatMap { files[$0] } }

    private mutating func charge(_ name: String) throws {
        nameBytes += name.utf8.count
        guard nameBytes <= Self.maximumNames else {
            throw ArchiveError.tooMuch("more than \(Self.maximumNames) bytes of names")
        }
    }

    /// Without `.`, `..` and empty parts; `nil` for what leads above the archive's own root or is nothing.
    static func normalized(_ path: String) -> String? {
        var parts: [Substring] = []
        for part in path.split(separator: "/") {
            switch part {
            case ".": continue
            case "..":
                guard parts.popLast() != nil else { return nil }
            default: parts.append(part)
            }
        }
        return parts.isEmpty ? nil : parts.joined(separator: "/")
    }

    /// The digest that a file under `blobs/` is named by; `nil` for other files, and for strangers among blobs, such as
    /// the `._` files of macOS.
    static func blobDigest(_ path: String) -> Digest? {
        let parts = path.split(separator: "/")
        guard parts.count == 3, parts[0] == "blobs" else { return nil }
        do { return try Digest(parsing: "\(parts[1]):\(parts[2])") } catch { return nil }
    }
}
