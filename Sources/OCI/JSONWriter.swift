extension JSON {
    /// The value as UTF-8 text, members in their order, strings escaped as Go's encoding/json does it, so that our
    /// bytes are those of the daemons whose clients we serve.
    /// - Parameters:
    ///   - escapeHTML: `<`, `>` and `&` as escapes, Go's default.
    ///   - pretty: spaces of indentation for each level and a line for each member; `nil` for no white space at all.
    public func serialized(escapeHTML: Bool = false, pretty: Int? = nil) -> [UInt8] {
        var writer = JSONWriter(escapeHTML: escapeHTML, indent: pretty)
        writer.write(self, level: 0)
        return writer.bytes
    }
}

private struct JSONWriter {
    let escapeHTML: Bool
    let indent: Int?
    private(set) var bytes: [UInt8] = []

    init(escapeHTML: Bool, indent: Int?) {
        self.escapeHTML = escapeHTML
        self.indent = indent
    }

    mutating func write(_ value: JSON, level: Int) {
        switch value {
        case .null: append("null")
        case .bool(let value): append(value ? "true" : "false")
        case .integer(let value): append(String(value))
        case .number(let value): write(value)
        case .string(let value): write(value)
        case .array(let elements):
            list(elements, "[", "]", level: level) { writer, element in writer.write(element, level: level + 1) }
        case .object(let members):
            list(members, "{", "}", level: level) { writer, member in
                writer.write(member.key)
                writer.append(writer.indent == nil ? ":" : ": ")
                writer.write(member.value, level: level + 1)
            }
        }
    }

    private mutating func list<Element>(
        _ elements: [Element], _ open: String, _ close: String, level: Int,
        each: (inout JSONWriter, Element) -> Void
    ) {
        append(open)
        for (index, element) in elements.enumerated() {
            if index > 0 { append(",") }
            newline(level: level + 1)
            each(&self, element)
        }
        if !elements.isEmpty { newline(level: level) }
        append(close)
    }

    private mutating func newline(level: Int) {
        guard let indent else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(0, indent) * level))
    }

    /// JSON has no infinities: what cannot be said is `null`.
    private mutating func write(_ value: Double) {
        guard value.isFinite else { return append("null") }
        let text = value.description
        append(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
    }

    private mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        // Nearly all text is plain; lists of thousands of images are made of it.
        if text.utf8.allSatisfy(Self.isPlain) {
            bytes.append(contentsOf: text.utf8)
        } else {
            writeEscaped(text)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// ASCII that no form of the text escapes.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"): false
        default: 0x20..<0x7f ~= byte
        }
    }

    private mutating func writeEscaped(_ text: String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": append("\\\"")
            case "\\": append("\\\\")
            case "\u{8}": append("\\b")
            case "\u{C}": append("\\f")
            case "\n": append("\\n")
            case "\r": append("\\r")
            case "\t": append("\\t")
            case "<", ">", "&":
                if escapeHTML { escape(scalar) } else { bytes.append(UInt8(ascii: scalar)) }
            case "\u{0}"..."\u{1F}", "\u{2028}", "\u{2029}": escape(scalar)
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }

    private mutating func escape(_ scalar: Unicode.Scalar) {
        let hex = String(scalar.value, radix: 16)
        append("\\u" + String(repeating: "0", count: 4 - hex.count) + hex)
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
