/// The member names that mean something to us in one kind of object.
///
/// Go matches names regardless of case and keeps the last, we match exactly: a document with `Config` beside `config`
/// would be two documents under one digest, so it is refused.
struct KnownNames {
    private let exact: Set<String>
    private let byFolded: [[UInt32]: String]

    init(_ names: Set<String>) {
        exact = names
        byFolded = Dictionary(names.map { (folded($0), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// - Throws: ``OCIError/invalidDocument(_:reason:)`` when a member's name differs from a known one in case only.
    func check(_ object: JSON, in document: String) throws(OCIError) {
        for member in object.members ?? [] where !exact.contains(member.key) {
            guard let name = byFolded[folded(member.key)] else { continue }
            throw .invalidDocument(document, reason: "\(quoted(member.key)) differs from \(quoted(name)) in case only")
        }
    }
}

extension JSON {
    /// A member that Go would take for absent too: not there, or `null`.
    func optional(_ key: String) -> JSON? {
        guard let value = self[key], value != .null else { return nil }
        return value
    }

    func optionalString(_ key: String, in document: String) throws(OCIError) -> String? {
        guard let value = optional(key) else { return nil }
        guard let text = value.string else { throw .invalidDocument(document, reason: "\(quoted(key)) is no string") }
        return text
    }

    func optionalArray(_ key: String, in document: String) throws(OCIError) -> [JSON] {
        guard let value = optional(key) else { return [] }
        guard let array = value.array else { throw .invalidDocument(document, reason: "\(quoted(key)) is no array") }
        return array
    }

    func optionalStrings(_ key: String, in document: String) throws(OCIError) -> [String] {
        var strings: [String] = []
        for element in try optionalArray(key, in: document) {
            guard let text = element.string else {
                throw .invalidDocument(document, reason: "\(quoted(key)) holds something that is no string")
            }
            strings.append(text)
        }
        return strings
    }

    /// The members of an object of strings, in order.
    func optionalStringMembers(_ key: String, in document: String) throws(OCIError) -> [(key: String, value: String)] {
        guard let value = optional(key) else { return [] }
        guard let members = value.members else {
            throw .invalidDocument(document, reason: "\(quoted(key)) is no object")
        }
        var pairs: [(key: String, value: String)] = []
        for member in members {
            guard let text = member.value == .null ? "" : member.value.string else {
                throw .invalidDocument(document, reason: "\(quoted(member.key)) in \(quoted(key)) is no string")
            }
            pairs.append((member.key, text))
        }
        return pairs
    }

    func annotations(in document: String) throws(OCIError) -> [String: String] {
        let pairs = try optionalStringMembers("annotations", in: document)
        return Dictionary(pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
}

/// Lower case as Go's encoding/json folds names: ASCII, and the two characters beyond it that fold into ASCII.
private func folded(_ name: String) -> [UInt32] {
    name.unicodeScalars.map { scalar in
        switch scalar {
        case "A"..."Z": scalar.value + 32
        case "\u{17F}": UInt32(UInt8(ascii: "s"))
        case "\u{212A}": UInt32(UInt8(ascii: "k"))
        default: scalar.value
        }
    }
}
