/// Finds the text at which the TOML library stops the process, or does anything at all, where it should tell of an
/// error: a table's header without a name, and, in a list where a value is due, what ends a value. Of right TOML it
/// says nothing, and of text that is wrong before that place it may say anything: that is no configuration either way.
struct TOMLTraps {
    private var rest: Substring.UnicodeScalarView
    private var line = 1
    /// The brackets that are open.
    private var open: [Unicode.Scalar] = []
    /// A list's next value, or its end, comes next.
    private var isDue = false
    /// Nothing but blanks so far in this line.
    private var isLineStart = true

    private init(_ text: String) {
        rest = text.unicodeScalars[...]
        // The library skips a byte order mark.
        if rest.first == "\u{FEFF}" { rest.removeFirst() }
    }

    /// The first such place; `nil` when there is none.
    static func first(in text: String) -> (line: Int, reason: String)? {
        var traps = TOMLTraps(text)
        return traps.find()
    }

    private mutating func find() -> (line: Int, reason: String)? {
        while let scalar = rest.first {
            switch scalar {
            case "#": while let next = rest.first, next != "\n" { advance() }
            case "\"", "'":
                isDue = false
                skipString(scalar)
            case "[" where isLineStart && open.isEmpty && !isNamedHeader: return (line, "a table without a name")
            case "[", "{":
                open.append(scalar)
                isDue = scalar == "["
                advance()
            case "}" where isDue, "\u{85}" where isDue, "\u{2028}" where isDue, "\u{2029}" where isDue:
                return (line, "a list lacks a value, or its closing ]")
            case "]", "}":
                open.removeLast(open.isEmpty ? 0 : 1)
                isDue = false
                advance()
            case ",":
                isDue = open.last == "["
                advance()
            case " ", "\t", "\r", "\n": advance()
            default:
                isDue = false
                advance()
            }
        }
        return nil
    }

    /// Whether what follows the brackets of a header can begin a name.
    private var isNamedHeader: Bool {
        let isBlank = { (scalar: Unicode.Scalar) in scalar == " " || scalar == "\t" }
        let inner = rest.dropFirst()
        let name = (inner.first == "[" ? inner.dropFirst() : inner).drop(while: isBlank)
        guard let first = name.first else { return false }
        switch first {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", "\"", "'": return true
        default: return false
        }
    }

    /// One in single quotes knows no escapes; three quotes of a kind begin and end one of several lines.
    private mutating func skipString(_ quote: Unicode.Scalar) {
        let three = [quote, quote, quote]
        let isLong = rest.starts(with: three)
        for _ in 0..<(isLong ? 3 : 1) { advance() }
        while let scalar = rest.first {
            if scalar == quote, !isLong || rest.starts(with: three) {
                for _ in 0..<(isLong ? 3 : 1) { advance() }
                return
            }
            if scalar == "\n", !isLong { return }
            advance()
            if scalar == "\\", quote == "\"", !rest.isEmpty { advance() }
        }
    }

    private mutating func advance() {
        switch rest.removeFirst() {
        case "\n":
            line += 1
            isLineStart = true
        case " ", "\t": break
        default: isLineStart = false
        }
    }
}
