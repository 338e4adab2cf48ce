/// One way to authenticate that a registry offers in a `WWW-Authenticate` field.
///
/// Source: RFC 9110 §11.6.1; what registries really send, distribution `auth/token.md` and the issues of its clients.
public struct Challenge: Sendable, Equatable {
    /// `bearer` or `basic` and so on, in lower case.
    public var scheme: String
    /// Values without quotes and escapes; names in lower case.
    public var parameters: [String: String]

    /// Makes a challenge of its parts.
    public init(scheme: String, parameters: [String: String] = [:]) {
        self.scheme = scheme
        self.parameters = parameters
    }

    /// Every challenge in the values of all `WWW-Authenticate` lines, in order. Several on one line are told apart; of
    /// what is malformed the parts before and after are kept, for registries send it.
    public static func parse(_ headerValues: [String]) -> [Challenge] {
        var challenges: [Challenge] = []
        for value in headerValues.prefix(maximumCount) where value.utf8.count <= maximumLength {
            var reader = ChallengeReader(value)
            challenges += reader.challenges()
        }
        return Array(challenges.prefix(maximumCount))
    }

    /// Longest line looked at; real ones stay below 1 KiB.
    static let maximumLength = 8 << 10
    /// Lines looked at, and challenges kept; registries send one or two.
    static let maximumCount = 16
    /// Parameters kept of one challenge; registries send up to five.
    static let maximumParameters = 32
}

/// Reads one line from left to right; every step goes forward, so any text costs its length.
private struct ChallengeReader {
    /// Schemes that may come without parameters. Any other word alone in the middle of a line is a parameter that lost
    /// its value.
    private static let bareSchemes: Set<String> = [
        "basic", "bearer", "digest", "negotiate", "ntlm", "kerberos", "mutual", "hoba", "oauth", "dpop",
    ]

    private let bytes: [UInt8]
    private var index = 0
    private var found: [Challenge] = []
    /// Where an unquoted `scope` goes on: `pull,push` is one value that looks like two items.
    private var openScope = false

    init(_ line: String) { bytes = Array(line.utf8) }

    mutating func challenges() -> [Challenge] {
        while index < bytes.count {
            skip { $0 == UInt8(ascii: ",") || isSpace($0) }
            item()
        }
        return found
    }

    /// One item of the list: a scheme, a parameter, or a scheme with its first parameter.
    private mutating func item() {
        let word = word()
        guard !word.isEmpty else { return skipItem() }
        let spaces = skip(while: isSpace)
        if next == UInt8(ascii: "=") { return parameter(word) }
        let name = word.lowercased()
        let isEnd = next == nil || next == UInt8(ascii: ",")
        if isEnd, openScope, let last = found.indices.last {
            found[last].parameters["scope"]?.append("," + word)
            return
        }
        openScope = false
        let isScheme = found.isEmpty || (isEnd ? Self.bareSchemes.contains(name) : spaces > 0)
        guard isScheme, isToken(word) else { return skipItem() }
        found.append(Challenge(scheme: name))
        if !isEnd { item() }
    }

    private mutating func parameter(_ name: String) {
        index += 1
        skip(while: isSpace)
        openScope = false
        let isQuoted = next == UInt8(ascii: "\"")
        let value = isQuoted ? quotedString() : bareValue()
        if isQuoted {
            skip(while: isSpace)
            // What follows a closing quote without a comma belongs to nothing.
            if next != UInt8(ascii: ",") { skipItem() }
        }
        let key = name.lowercased()
        guard let value, isQuoted || !value.isEmpty, isToken(name), let last = found.indices.last,
            found[last].parameters[key] == nil, found[last].parameters.count < Challenge.maximumParameters
        else { return }
        found[last].parameters[key] = value
        openScope = !isQuoted && key == "scope"
    }

    /// `nil` when the closing quote is missing.
    private mutating func quotedString() -> String? {
        var value: [UInt8] = []
        index += 1
        while let byte = next {
            index += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: value, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                value.append(byte)
                continue
            }
            guard let escaped = next else { return nil }
            value.append(escaped)
            index += 1
        }
        return nil
    }

    private mutating func bareValue() -> String {
        let start = index
        skip { $0 != UInt8(ascii: ",") && !isSpace($0) }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func word() -> String {
        let start = index
        skip { !isSpace($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "\"") }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func skipItem() {
        openScope = false
        skip { $0 != UInt8(ascii: ",") }
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    @discardableResult
    private mutating func skip(while matches: (UInt8) -> Bool) -> Int {
        let start = index
        while index < bytes.count, matches(bytes[index]) { index += 1 }
        return index - start
    }
}

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 9 }

/// RFC 9110 §5.6.2.
private func isToken(_ text: String) -> Bool {
    let others = "!#$%&'*+-.^_`|~".utf8
    return text.utf8.allSatisfy { byte in
        isDigit(byte) || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || others.contains(byte)
    }
}
