/// Reads one JSON text in one pass over its bytes, without looking back.
struct JSONParser {
    private let bytes: [UInt8]
    private let limits: JSON.Limits
    private var position = 0
    private var values = 0

    init(bytes: [UInt8], limits: JSON.Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func document() throws(OCIError) -> JSON {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw failure("a byte order mark") }
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw failure("bytes after the value") }
        return value
    }

    private mutating func value(depth: Int) throws(OCIError) -> JSON {
        values += 1
        guard values <= limits.values else { throw failure("more than \(limits.values) values") }
        guard let byte = peek else { throw failure("the text ends where a value is due") }
        switch byte {
        case UInt8(ascii: "{"):
            guard depth < limits.depth else { throw failure("nested deeper than \(limits.depth)") }
            return .object(try members(depth: depth + 1))
        case UInt8(ascii: "["):
            guard depth < limits.depth else { throw failure("nested deeper than \(limits.depth)") }
            return .array(try elements(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw failure("no value begins like this")
        }
    }

    private mutating func elements(depth: Int) throws(OCIError) -> [JSON] {
        position += 1
        skipSpace()
        var elements: [JSON] = []
        if take("]") { return elements }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            if take("]") { return elements }
            guard take(",") else { throw failure("no comma between elements") }
            skipSpace()
        }
    }

    /// Names are told apart by `String`'s equality, which takes canonically equivalent spellings for one: whatever a
    /// reader keys a dictionary with afterwards, no member can hide another.
    private mutating func members(depth: Int) throws(OCIError) -> [JSON.Member] {
        position += 1
        skipSpace()
        var members: [JSON.Member] = []
        var names = Names()
        if take("}") { return members }
        while true {
            guard peek == UInt8(ascii: "\"") else { throw failure("a member needs a name") }
            let start = position
            let name = try string()
            guard names.add(name, to: members) else { throw failure("the name \(quoted(name)) twice", at: start) }
            skipSpace()
            guard take(":") else { throw failure("no colon after a name") }
            skipSpace()
            members.append(JSON.Member(name, try value(depth: depth)))
            skipSpace()
            if take("}") { return members }
            guard take(",") else { throw failure("no comma between members") }
            skipSpace()
        }
    }

    /// The names of one object: of a few, looking at each costs less than a set.
    private struct Names {
        private var set: Set<String> = []

        /// Whether none of `members`, to which it is to be added, has this name.
        mutating func add(_ name: String, to members: [JSON.Member]) -> Bool {
            guard members.count >= 16 else { return !members.contains { $0.key == name } }
            if set.isEmpty { set = Set(members.map(\.key)) }
            return set.insert(name).inserted
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(OCIError) -> JSON {
        let end = position + word.utf8CodeUnitCount
        guard end <= bytes.count, bytes[position..<end].elementsEqual(word.description.utf8) else {
            throw failure("no value begins like this")
        }
        position = end
        return value
    }
}

// MARK: - Numbers

extension JSONParser {
    private mutating func number() throws(OCIError) -> JSON {
        let start = position
        _ = take("-")
        let leading = position
        try digits()
        if bytes[leading] == UInt8(ascii: "0"), position > leading + 1 { throw failure("a leading zero", at: leading) }
        var isInteger = true
        if take(".") {
            isInteger = false
            try digits()
        }
        if take("e") || take("E") {
            isInteger = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, text != "-0" {
            guard let value = Int64(text) else { throw failure("an integer beyond 64 bits", at: start) }
            return .integer(value)
        }
        guard let value = Double(text), value.isFinite else { throw failure("a number out of range", at: start) }
        return .number(value)
    }

    private mutating func digits() throws(OCIError) {
        let start = position
        while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        guard position > start else { throw failure("a digit is due") }
    }
}

// MARK: - Strings

extension JSONParser {
    private mutating func string() throws(OCIError) -> String {
        position += 1
        let start = position
        var decoded: [UInt8] = []
        var copied = start
        while true {
            guard let byte = peek else { throw failure("a string without end", at: start) }
            switch byte {
            case UInt8(ascii: "\""):
                let end = position
                position += 1
                if copied == start { return try checked(bytes[start..<end], at: start) }
                decoded += bytes[copied..<end]
                return try checked(decoded[...], at: start)
            case UInt8(ascii: "\\"):
                decoded += bytes[copied..<position]
                position += 1
                decoded += UTF8.encode(try escaped()) ?? UTF8.encodedReplacementCharacter
                copied = position
            case 0..<0x20: throw failure("a control character in a string")
            default: position += 1
            }
        }
    }

    private func checked(_ slice: ArraySlice<UInt8>, at start: Int) throws(OCIError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else { throw failure("invalid UTF-8", at: start) }
        return text
    }

    /// The character an escape stands for; the backslash is behind us.
    private mutating func escaped() throws(OCIError) -> Unicode.Scalar {
        guard let byte = peek else { throw failure("an escape without end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try escapedUnicode()
        default: throw failure("an unknown escape", at: position - 1)
        }
    }

    private mutating func escapedUnicode() throws(OCIError) -> Unicode.Scalar {
        let start = position
        let unit = try fourHexDigits()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, take("\\"), take("u") else { throw failure("a lone surrogate", at: start) }
        let low = try fourHexDigits()
        guard 0xDC00...0xDFFF ~= low,
            let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
        else { throw failure("a lone surrogate", at: start) }
        return scalar
    }

    private mutating func fourHexDigits() throws(OCIError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = peek.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
                throw failure("four hex digits are due")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}

// MARK: - Bytes

extension JSONParser {
    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func failure(_ reason: String, at offset: Int? = nil) -> OCIError {
        .invalidJSON(offset: offset ?? position, reason: reason)
    }
}
