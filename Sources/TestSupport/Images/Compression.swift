/// How a layer's tar is stored.
public enum LayerCompression: Sendable, Hashable {
    case none
    /// Level 0 stores, which is fast; 9 is smallest.
    case gzip(level: Int32 = 6)
    case zstd(level: Int32 = 3)
}

/// Turns a stream of bytes into another one, piece by piece.
protocol ByteFilter: AnyObject {
    func write(_ bytes: [UInt8]) throws -> [UInt8]
    /// The last bytes; nothing may be written after.
    func finish() throws -> [UInt8]
}

extension LayerCompression {
    func makeFilter() throws -> any ByteFilter {
        switch self {
        case .none: PlainFilter()
        case .gzip(let level): try GzipFilter(level: level)
        case .zstd(let level): try ZstdFilter(level: level)
        }
    }
}

private final class PlainFilter: ByteFilter {
    func write(_ bytes: [UInt8]) -> [UInt8] { bytes }
    func finish() -> [UInt8] { [] }
}

/// Compression and decompression of bytes that fit memory.
public enum Compression {
    /// - Throws: ``StandInError/compression(_:code:)``.
    public static func compress(_ bytes: [UInt8], _ compression: LayerCompression) throws -> [UInt8] {
        let filter = try compression.makeFilter()
        return try filter.write(bytes) + filter.finish()
    }

    /// Inflates a gzip stream, its checksum checked; further members after the first are read too.
    /// - Throws: ``StandInError/compression(_:code:)`` for what is no gzip, or cut short.
    public static func gunzip(_ bytes: [UInt8]) throws -> [UInt8] { try inflateGzip(bytes) }

    /// Decompresses zstd.
    /// - Throws: ``StandInError/compression(_:code:)`` for what is no zstd, or cut short.
    public static func unzstd(_ bytes: [UInt8]) throws -> [UInt8] { try decompressZstd(bytes) }
}
