/// What extended headers say in place of the next entry's own fields.
///
/// Source: POSIX.1-2001, pax interchange format, "pax Extended Header".
struct TarOverrides {
    var name: [UInt8]?
    var link: [UInt8]?
    var size: Int64?
    var isSparse = false

    var isEmpty: Bool { name == nil && link == nil && size == nil && !isSparse }

    /// Reads records `LENGTH KEY=VALUE\n`; keys of no concern are passed over. False when it is malformed.
    mutating func take(pax bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0 != UInt8(ascii: " ") }
            guard 1...6 ~= digits.count, let length = Self.decimal(digits), length > digits.count + 2,
                Int(length) <= rest.count
            else { return false }
            let record = rest.prefix(Int(length))
            guard record.last == UInt8(ascii: "\n") else { return false }
            let pair = record.dropFirst(digits.count + 1).dropLast()
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")), equals > pair.startIndex,
                set(pair[..<equals], pair[(equals + 1)...])
            else { return false }
            rest = rest.dropFirst(Int(length))
        }
        return true
    }

    private mutating func set(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Bool {
        switch String(decoding: key, as: UTF8.self) {
        case "path": name = Array(value)
        case "linkpath": link = Array(value)
        case "size":
            guard value.count <= 18, let number = Self.decimal(value) else { return false }
            size = number
        case let key where key.hasPrefix("GNU.sparse."): isSparse = true
        default: break
        }
        return true
    }

    /// At most 18 digits, so that nothing can overflow.
    private static func decimal(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard !digits.isEmpty, digits.count <= 18 else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit else { return nil }
            value = value * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        return value
    }
}
