/// The bytes of a tar around the content of its files: the same for the same entries, whenever they are written.
///
/// Source: POSIX.1-1988 (`ustar`), and base-256 sizes for files of 8 GiB and more, as GNU tar and Go read them.
public enum TarEncoder {
    /// The two empty blocks that end a tar.
    public static let endMark = [UInt8](repeating: 0, count: 2 * TarFields.blockSize)

    /// An entry's header, before it a pax header where a name is longer than ustar's 100 bytes. Owner, group and time
    /// are 0.
    public static func header(_ member: TarMember) -> [UInt8] {
        let long = [("path", member.name), ("linkpath", member.link)].filter { $0.1.utf8.count > 100 }
        guard !long.isEmpty else { return block(member) }
        let records = long.flatMap(record)
        let pax = TarMember(name: "pax", kind: .other(UInt8(ascii: "x")), size: Int64(records.count))
        var short = member
        short.name = String(decoding: member.name.utf8.prefix(100), as: UTF8.self)
        short.link = String(decoding: member.link.utf8.prefix(100), as: UTF8.self)
        return block(pax) + records + padding(after: pax.size) + block(short)
    }

    /// `LENGTH KEY=VALUE\n`, the length that of the whole record.
    private static func record(_ key: String, _ value: String) -> [UInt8] {
        let body = " \(key)=\(value)\n"
        var length = body.utf8.count + 1
        while "\(length)".utf8.count + body.utf8.count != length { length += 1 }
        return Array("\(length)\(body)".utf8)
    }

    private static func block(_ member: TarMember) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: TarFields.blockSize)
        func put(_ text: String, at offset: Int) {
            let bytes = text.utf8.prefix(100)
            block.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
        put(member.name, at: 0)
        put(octal(Int64(member.mode), digits: 7), at: 100)
        put(octal(0, digits: 7), at: 108)
        put(octal(0, digits: 7), at: 116)
        block.replaceSubrange(124..<136, with: size(member.size))
        put(octal(0, digits: 11), at: 136)
        block[156] = type(of: member.kind)
        put(member.link, at: 157)
        put("ustar\u{0}00", at: 257)
        put("        ", at: 148)
        let sum = block.reduce(0) { $0 + Int64($1) }
        put(octal(sum, digits: 6) + "\u{0} ", at: 148)
        return block
    }

    /// The zeros that follow content of this length, up to the next block.
    public static func padding(after size: Int64) -> [UInt8] {
        [UInt8](repeating: 0, count: TarReader.padding(after: size))
    }

    private static func type(of kind: TarMember.Kind) -> UInt8 {
        switch kind {
        case .file, .sparseFile: UInt8(ascii: "0")
        case .hardLink: UInt8(ascii: "1")
        case .symbolicLink: UInt8(ascii: "2")
        case .characterDevice: UInt8(ascii: "3")
        case .blockDevice: UInt8(ascii: "4")
        case .directory: UInt8(ascii: "5")
        case .fifo: UInt8(ascii: "6")
        case .other(let type): type
        }
    }

    private static func octal(_ value: Int64, digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    /// Eleven octal digits and a NUL, or the number itself with the first bit set.
    private static func size(_ size: Int64) -> [UInt8] {
        if size < 1 << 33 { return Array(octal(size, digits: 11).utf8) + [0] }
        return [0x80, 0, 0, 0] + (0..<8).map { UInt8(truncatingIfNeeded: size >> (56 - 8 * Int64($0))) }
    }
}
