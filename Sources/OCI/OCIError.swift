/// What the parsers of this room refuse.
public enum OCIError: Fault, Equatable {
    /// Not a digest: algorithm, length, alphabet or letter case is wrong. Carries the text.
    case invalidDigest(String)
    /// Not an image reference. Carries the text and the reason in a few words.
    case invalidReference(String, reason: String)
    /// Not a platform specifier. Carries the text and the reason in a few words.
    case invalidPlatform(String, reason: String)
    /// Not a timestamp of RFC 3339. Carries the text.
    case invalidTimestamp(String)
    /// A document that is not JSON, or not JSON we accept (`JSON`). Byte offset and reason.
    case invalidJSON(offset: Int, reason: String)
    /// A manifest, index or config that breaks its specification. Carries what it is and why.
    case invalidDocument(String, reason: String)
    /// A schema 1 manifest, which layerd does not pull.
    case schema1

    public var kind: FaultKind {
        switch self {
        case .invalidDigest, .invalidReference, .invalidPlatform, .invalidTimestamp: .invalidInput
        case .invalidJSON, .invalidDocument: .integrity
        case .schema1: .unsupported
        }
    }

    public var description: String {
        switch self {
        case .invalidDigest(let text): "invalid digest \(quoted(text))"
        case .invalidReference(let text, let reason): "invalid reference format: \(quoted(text)): \(reason)"
        case .invalidPlatform(let text, let reason): "\(quoted(text)): \(reason)"
        case .invalidTimestamp(let text): "invalid timestamp \(quoted(text))"
        case .invalidJSON(let offset, let reason): "invalid JSON at byte \(offset): \(reason)"
        case .invalidDocument(let what, let reason): "invalid \(what): \(reason)"
        case .schema1:
            "the image has a schema 1 manifest, a format deprecated since 2017 that layerd does not pull; "
                + "push the image again with a current client"
        }
    }
}

/// Text from outside, made safe for a message: in quotes, printable, and cut at a length that fits a line.
func quoted(_ text: String) -> String {
    let limit = 256
    let shown = String(
        text.unicodeScalars.prefix(limit).map { $0.value < 0x20 || $0.value == 0x7f ? "?" : Character($0) })
    return "\"\(shown)\(text.unicodeScalars.count > limit ? "…" : "")\""
}
