// Images: bytes to serve and store in tests. Sources of blobs, a small tar writer, compressors, and a factory of real
// images; everything is deterministic by seed.

internal import Glibc

/// A blob's bytes, wherever they are. Read in pieces, so that a blob of any length can be served.
public protocol BlobSource: Sendable {
    /// Length in bytes.
    var size: Int64 { get }

    /// The bytes from `offset` on: `count` of them, fewer at the end only. May block on a file.
    func read(at offset: Int64, count: Int) throws -> [UInt8]
}

extension BlobSource {
    /// The whole blob in memory.
    public func readAll() throws -> [UInt8] { try read(at: 0, count: Int(size)) }

    /// Calls `body` with the bytes in order, in pieces of up to 256 KiB.
    public func forEachPiece(_ body: ([UInt8]) throws -> Void) throws {
        var offset: Int64 = 0
        while offset < size {
            let piece = try read(at: offset, count: 256 << 10)
            if piece.isEmpty { throw StandInError.invalid("a blob ended at \(offset) of \(size) bytes") }
            try body(piece)
            offset += Int64(piece.count)
        }
    }
}

/// Clips a request for bytes to what there is.
func clip(_ offset: Int64, _ count: Int, to size: Int64) -> Range<Int64> {
    let start = min(max(offset, 0), size)
    return start..<min(size, start + Int64(max(count, 0)))
}

/// Bytes in memory.
public struct BytesSource: BlobSource {
    private let bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The UTF-8 of a text.
    public init(_ text: String) { bytes = Array(text.utf8) }

    public var size: Int64 { Int64(bytes.count) }

    public func read(at offset: Int64, count: Int) -> [UInt8] {
        let range = clip(offset, count, to: size)
        return Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
    }
}

/// A file on disk, opened at each read.
public struct FileSource: BlobSource {
    public let path: String
    public let size: Int64
    private let owner: (any Sendable)?

    /// - Parameter owner: kept alive as long as this source, such as the temporary directory the file is in.
    /// - Throws: ``StandInError/file(_:path:errno:)`` when there is no such file.
    public init(path: String, owner: (any Sendable)? = nil) throws {
        guard let size = Files.size(path) else { throw StandInError.file("find", path: path, errno: ENOENT) }
        self.path = path
        self.size = size
        self.owner = owner
    }

    public func read(at offset: Int64, count: Int) throws -> [UInt8] {
        let range = clip(offset, count, to: size)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StandInError.file("open", path: path, errno: errno) }
        defer { close(descriptor) }
        return try Files.readPiece(descriptor, at: range.lowerBound, count: range.count, path: path)
    }
}
