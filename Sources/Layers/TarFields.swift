/// The fixed fields of a tar header.
///
/// Source: POSIX.1-1988 (`ustar`); GNU tar manual, "Basic Tar Format", for base-256 numbers and the old GNU magic.
struct TarFields {
    static let blockSize = 512

    /// One block.
    let bytes: [UInt8]

    var isZero: Bool { bytes.allSatisfy { $0 == 0 } }
    var type: UInt8 { bytes[156] }

    private var isUstar: Bool { bytes[257..<263].elementsEqual(Array("ustar\u{0}".utf8)) }

    /// Sum of the header's bytes with its own eight taken as spaces. Some old tars summed signed bytes.
    var checksumHolds: Bool {
        guard let stated = number(148..<156, allowsNegative: false) else { return false }
        var unsigned: Int64 = 0
        var signed: Int64 = 0
        for (place, byte) in bytes.enumerated() {
            let byte = 148..<156 ~= place ? UInt8(ascii: " ") : byte
            unsigned += Int64(byte)
            signed += Int64(Int8(bitPattern: byte))
        }
        return stated == unsigned || stated == signed
    }

    /// Name with prefix; the prefix is POSIX's alone, GNU keeps other things there.
    var name: [UInt8] {
        let name = text(0..<100)
        let prefix = isUstar ? text(345..<500) : []
        return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
    }

    var link: [UInt8] { text(157..<257) }
    var mode: Int64? { number(100..<108, allowsNegative: false) }
    var size: Int64? { number(124..<136, allowsNegative: false) }

    /// Owner, group and time are of no use to us; they must still be numbers, for what is none was not made by a tar.
    /// Times before 1970 are negative.
    var othersAreNumbers: Bool {
        number(108..<116, allowsNegative: false) != nil && number(116..<124, allowsNegative: false) != nil
            && number(136..<148, allowsNegative: true) != nil
    }

    private func text(_ range: Range<Int>) -> [UInt8] { Array(bytes[range].prefix { $0 != 0 }) }

    /// Octal digits between spaces and NULs, or base-256; `nil` for anything else, also for what 64 bits do not hold.
    private func number(_ range: Range<Int>, allowsNegative: Bool) -> Int64? {
        let field = bytes[range]
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 { return binary(field, allowsNegative: allowsNegative) }
        let isBlank = { (byte: UInt8) in byte == 0 || byte == UInt8(ascii: " ") }
        let digits = field.drop(while: isBlank).prefix { !isBlank($0) }
        guard field[digits.endIndex...].allSatisfy(isBlank) else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard UInt8(ascii: "0")...UInt8(ascii: "7") ~= digit else { return nil }
            value = value << 3 | Int64(digit - UInt8(ascii: "0"))
        }
        return value
    }

    /// Two's complement, big-endian, the first bit taken for the mark.
    private func binary(_ field: ArraySlice<UInt8>, allowsNegative: Bool) -> Int64? {
        let isNegative = field.first.map { $0 & 0x40 != 0 } ?? false
        guard allowsNegative || !isNegative else { return nil }
        var value: Int64 = isNegative ? -1 : 0
        for (place, byte) in field.enumerated() {
            let byte = place == 0 ? (isNegative ? byte | 0x80 : byte & 0x7F) : byte
            guard value >> 55 == (isNegative ? -1 : 0) else { return nil }
            value = value << 8 | Int64(byte)
        }
        return value
    }
}
