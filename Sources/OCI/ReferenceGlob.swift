/// Patterns of image list filters, with the meaning of Go's `path.Match`: `*` and `?` stop at `/`, `[a-z]` and `[^a-z]`
/// are one character of a range, `\` takes the next character as it is.
public enum ReferenceGlob {
    /// Whether the whole of `name` matches.
    /// - Throws: ``OCIError/invalidReference(_:reason:)`` for a malformed pattern, whether it would match or not.
    public static func matches(_ pattern: String, _ name: String) throws(OCIError) -> Bool {
        let tokens = try tokens(of: pattern)
        let name = Array(name.unicodeScalars)
        var token = 0
        var position = 0
        var retry: (token: Int, position: Int)?
        while position < name.count || token < tokens.count {
            if token < tokens.count {
                if case .any = tokens[token] {
                    retry = (token, position)
                    token += 1
                    continue
                }
                if position < name.count, tokens[token].accepts(name[position]) {
                    token += 1
                    position += 1
                    continue
                }
            }
            // The last star takes one character more; an earlier one never needs to, for it took as little as it could.
            guard let star = retry, star.position < name.count, name[star.position] != "/" else { return false }
            retry = (star.token, star.position + 1)
            token = star.token + 1
            position = star.position + 1
        }
        return true
    }

    /// Whether the pattern matches the reference in familiar form, with its tag and digest or without them: docker's
    /// meaning of `docker image ls 'w*'`.
    /// - Throws: ``OCIError/invalidReference(_:reason:)`` for a malformed pattern.
    public static func matches(_ pattern: String, _ reference: Reference) throws(OCIError) -> Bool {
        if try matches(pattern, reference.familiar) { return true }
        return try matches(pattern, reference.repository.familiar)
    }

    private enum Token {
        case any
        case one
        case character(Unicode.Scalar)
        case range([ClosedRange<UInt32>], negated: Bool)

        func accepts(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .any: false
            case .one: scalar != "/"
            case .character(let expected): scalar == expected
            case .range(let ranges, let negated): ranges.contains { $0.contains(scalar.value) } != negated
            }
        }
    }

    private static func tokens(of pattern: String) throws(OCIError) -> [Token] {
        let malformed = OCIError.invalidReference(pattern, reason: "syntax error in pattern")
        var tokens: [Token] = []
        var rest = pattern.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "*": tokens.append(.any)
            case "?": tokens.append(.one)
            case "\\":
                guard let next = rest.popFirst() else { throw malformed }
                tokens.append(.character(next))
            case "[":
                guard let range = range(&rest) else { throw malformed }
                tokens.append(range)
            default: tokens.append(.character(scalar))
            }
        }
        return tokens
    }

    /// The rest of a range after its bracket; `nil` when it is malformed or without end.
    private static func range(_ rest: inout Substring.UnicodeScalarView) -> Token? {
        let negated = rest.first == "^"
        if negated { rest.removeFirst() }
        var ranges: [ClosedRange<UInt32>] = []
        while let first = rest.first {
            if first == "]", !ranges.isEmpty {
                rest.removeFirst()
                return .range(ranges, negated: negated)
            }
            guard let low = bound(&rest) else { return nil }
            var high = low
            if rest.first == "-" {
                rest.removeFirst()
                guard let bound = bound(&rest) else { return nil }
                high = bound
            }
            ranges.append(low <= high ? low...high : emptyRange)
        }
        return nil
    }

    /// A range written backwards holds nothing; no character has this value.
    private static let emptyRange = UInt32.max...UInt32.max

    private static func bound(_ rest: inout Substring.UnicodeScalarView) -> UInt32? {
        guard let scalar = rest.popFirst(), scalar != "-", scalar != "]" else { return nil }
        return scalar == "\\" ? rest.popFirst()?.value : scalar.value
    }
}
