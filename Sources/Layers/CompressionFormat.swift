/// How bytes are compressed, as their first bytes tell. File names and media types are not asked: both lie.
public enum CompressionFormat: String, Sendable, CaseIterable, CustomStringConvertible {
    case plain, gzip, zstd, xz, bzip2

    public var description: String { rawValue }

    /// How many first bytes ``detect(_:)`` looks at.
    public static let magicLength = 6

    /// The format of a stream that begins with these bytes; anything unknown is plain. A stream shorter than
    /// ``magicLength`` is judged by the bytes it has.
    ///
    /// Source: RFC 1952 §2.3.1; RFC 8878 §3.1.1 and §3.1.2 (skippable frames); The .xz File Format 1.0.4 §2.1.1.1.
    public static func detect(_ first: some Collection<UInt8>) -> CompressionFormat {
        let bytes = Array(first.prefix(magicLength))
        func starts(_ magic: [UInt8]) -> Bool { bytes.starts(with: magic) }
        if starts([0x1F, 0x8B]) { return .gzip }
        if starts([0x28, 0xB5, 0x2F, 0xFD]) { return .zstd }
        if bytes.count >= 4, bytes[0] & 0xF0 == 0x50, bytes[1...3] == [0x2A, 0x4D, 0x18] { return .zstd }
        if starts([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) { return .xz }
        if starts([0x42, 0x5A, 0x68]), bytes.count > 3, 0x31...0x39 ~= bytes[3] { return .bzip2 }
        return .plain
    }
}
