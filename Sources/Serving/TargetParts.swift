/// A request target taken apart into a path, undecoded, and the decoded pairs of its query.
struct TargetParts {
    let path: String
    let query: [(name: String, value: String)]

    /// Takes the origin form (`/path?query`), the absolute form, which every server must take (RFC 9112, 3.2.2), and
    /// `*`. Nil for anything else, and for a percent sign that decodes to nothing.
    init?(_ target: String) {
        guard let rest = TargetParts.originForm(target.utf8[...]) else { return nil }
        let question = rest.firstIndex(of: UInt8(ascii: "?"))
        let path = rest[..<(question ?? rest.endIndex)]
        if path.contains(where: { $0 == UInt8(ascii: "%") || $0 == 0 }), decoded(path, plusIsSpace: false) == nil {
            return nil
        }
        self.path = path.isEmpty ? "/" : String(Substring(path))
        guard let question else {
            query = []
            return
        }
        guard let query = TargetParts.pairs(rest[rest.index(after: question)...]) else { return nil }
        self.query = query
    }

    private static func originForm(_ target: Substring.UTF8View) -> Substring.UTF8View? {
        if target.first == UInt8(ascii: "/") { return target }
        if target.elementsEqual("*".utf8) { return target }
        for scheme in ["http://", "https://"]
        where sameName(String(Substring(target.prefix(scheme.utf8.count))), scheme) {
            let authority = target.dropFirst(scheme.utf8.count)
            let end = authority.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? authority.endIndex
            return end == authority.startIndex ? nil : authority[end...]
        }
        return nil
    }

    private static func pairs(_ query: Substring.UTF8View) -> [(name: String, value: String)]? {
        var pairs: [(name: String, value: String)] = []
        for piece in query.split(separator: UInt8(ascii: "&")) {
            let equals = piece.firstIndex(of: UInt8(ascii: "="))
            let value = equals.map { piece[piece.index(after: $0)...] } ?? piece[piece.endIndex...]
            guard let name = decoded(piece[..<(equals ?? piece.endIndex)], plusIsSpace: true),
                let value = decoded(value, plusIsSpace: true)
            else { return nil }
            pairs.append((name: name, value: value))
        }
        return pairs
    }
}

/// Percent-decodes; nil where ``ServerRequest/percentDecode(_:)`` says so.
func decoded(_ text: some Collection<UInt8>, plusIsSpace: Bool) -> String? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var rest = text.makeIterator()
    while let byte = rest.next() {
        switch byte {
        case UInt8(ascii: "%"):
            guard let high = rest.next().flatMap(hexValue), let low = rest.next().flatMap(hexValue) else { return nil }
            bytes.append(high << 4 | low)
        case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
        default: bytes.append(byte)
        }
    }
    return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
}

func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
