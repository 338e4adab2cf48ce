/// Writes a tar in the ustar form, piece by piece.
///
/// Source: POSIX.1-1988, `ustar`; what docker and containerd unpack.
public struct TarWriter {
    private static let block = 512

    private let emit: ([UInt8]) throws -> Void

    /// - Parameter emit: takes the tar's bytes in order.
    public init(emit: @escaping ([UInt8]) throws -> Void) { self.emit = emit }

    /// Writes one entry, streaming a file's content.
    /// - Throws: ``StandInError/invalid(_:)`` for a path or length that ustar cannot hold; what `emit` throws.
    public func append(_ entry: TarEntry) throws {
        try emit(Self.header(of: entry))
        guard case .file(let content) = entry.kind else { return }
        try content.forEachPiece(emit)
        let rest = Int(content.size % Int64(Self.block))
        if rest > 0 { try emit([UInt8](repeating: 0, count: Self.block - rest)) }
    }

    /// Writes the two empty blocks that end a tar.
    public func finish() throws { try emit([UInt8](repeating: 0, count: 2 * Self.block)) }

    private static func header(of entry: TarEntry) throws -> [UInt8] {
        var type: UInt8
        var link = ""
        var size: Int64 = 0
        switch entry.kind {
        case .file(let content):
            type = UInt8(ascii: "0")
            size = content.size
        case .directory: type = UInt8(ascii: "5")
        case .symbolicLink(let target):
            type = UInt8(ascii: "2")
            link = target
        case .hardLink(let target):
            type = UInt8(ascii: "1")
            link = target
        }
        let isDirectory = type == UInt8(ascii: "5")
        let (prefix, name) = try split(isDirectory ? entry.path + "/" : entry.path)
        var header = [UInt8](repeating: 0, count: block)
        try put(name, into: &header, at: 0, length: 100)
        try put(octal(Int64(entry.mode & 0o7777), digits: 7), into: &header, at: 100, length: 8)
        try put(octal(Int64(entry.owner), digits: 7), into: &header, at: 108, length: 8)
        try put(octal(Int64(entry.group), digits: 7), into: &header, at: 116, length: 8)
        try put(octal(size, digits: 11), into: &header, at: 124, length: 12)
        try put(octal(entry.modified, digits: 11), into: &header, at: 136, length: 12)
        header[156] = type
        try put(link, into: &header, at: 157, length: 100)
        try put("ustar\u{0}00", into: &header, at: 257, length: 8)
        try put(prefix, into: &header, at: 345, length: 155)
        return try seal(header)
    }

    /// Fills in the checksum: the sum of the header's bytes, its own eight taken as spaces.
    private static func seal(_ header: [UInt8]) throws -> [UInt8] {
        var header = header
        for index in 148..<156 { header[index] = UInt8(ascii: " ") }
        let sum = header.reduce(0) { $0 + Int64($1) }
        try put(octal(sum, digits: 6) + "\u{0} ", into: &header, at: 148, length: 8)
        return header
    }

    /// A path longer than 100 bytes is cut at a slash: up to 155 bytes go into the prefix.
    private static func split(_ path: String) throws -> (prefix: String, name: String) {
        let bytes = Array(path.utf8)
        if bytes.count <= 100 { return ("", path) }
        let slash = bytes.indices.dropLast().last { index in
            bytes[index] == UInt8(ascii: "/") && index <= 155 && bytes.count - index - 1 <= 100
        }
        guard let slash else { throw StandInError.invalid("\(path) is too long for ustar") }
        return (
            String(decoding: bytes[..<slash], as: UTF8.self), String(decoding: bytes[(slash + 1)...], as: UTF8.self)
        )
    }

    private static func octal(_ value: Int64, digits: Int) throws -> String {
        let text = String(value, radix: 8)
        guard value >= 0, text.utf8.count <= digits else {
            throw StandInError.invalid("\(value) is too large for ustar")
        }
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }

    private static func put(_ text: String, into header: inout [UInt8], at offset: Int, length: Int) throws {
        let bytes = Array(text.utf8)
        guard bytes.count <= length else { throw StandInError.invalid("\(text) is too long for ustar") }
        header.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }
}
