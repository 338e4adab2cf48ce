import Foundation
import OCI
import TestSupport

/// What a state directory takes from the disk, as `lstat` tells it while others work in it.
struct Measured {
    /// Lengths of the files under `store/blobs`, by digest.
    var blobs: [Digest: Int64] = [:]
    /// Bytes of blobs, and of what comes in: their lengths, and room that is reserved beyond, to the block.
    var bytes: Int64 = 0
    /// The blocks of all these, in bytes.
    var blocks: Int64 = 0

    var stored: Int64 { blobs.values.reduce(0, +) }

    init(_ root: String) throws {
        var seen = Set<ino_t>()
        // What comes in first: a blob that takes its name meanwhile is met again by its inode, and counts once.
        for directory in try Self.names(root + "/ingest") {
            for name in try Self.names(root + "/ingest/" + directory) {
                _ = add(root + "/ingest/" + directory + "/" + name, &seen)
            }
        }
        let folder = root + "/store/blobs/sha256"
        for name in try Self.names(folder) {
            guard let size = add(folder + "/" + name, &seen) else { continue }
            blobs[try Digest(parsing: "sha256:" + name)] = size
        }
    }

    /// `nil` for what has gone meanwhile.
    private mutating func add(_ path: String, _ seen: inout Set<ino_t>) -> Int64? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        guard seen.insert(status.st_ino).inserted else { return Int64(status.st_size) }
        let (size, held) = (Int64(status.st_size), Int64(status.st_blocks) * 512)
        blocks += held
        bytes += max(size, held - 4_095)
        return size
    }

    private static func names(_ path: String) throws -> [String] {
        do { return try FileManager.default.contentsOfDirectory(atPath: path) } catch let error as CocoaError
            where error.code == .fileReadNoSuchFile
        {
            return []
        }
    }
}
