internal import OCI

extension JSON {
    /// An object of the members that have a value, in order. `nil` leaves a member out; `.null` writes it as null.
    static func fields(_ members: KeyValuePairs<String, JSON?>) -> JSON {
        .object(members.compactMap { key, value in value.map { Member(key, $0) } })
    }

    /// The value, or nothing. To be used in ``fields(_:)`` instead of `condition ? value : nil`, whose `nil` would be
    /// JSON's null.
    func when(_ condition: Bool) -> JSON? { condition ? .some(self) : .none }

    /// Labels as Go writes a map: keys in order, null when there are none.
    static func labels(_ labels: [(key: String, value: String)]) -> JSON {
        guard !labels.isEmpty else { return .null }
        return JSON.object(labels.map { Member($0.key, .string($0.value)) }).sortedByKey
    }

    static func strings(_ strings: some Sequence<String>) -> JSON { .array(strings.map(JSON.string)) }

    /// An object with its members in the byte order of their keys; anything else as it is.
    var sortedByKey: JSON {
        guard let members else { return self }
        return .object(members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
    }

    /// What Go's `omitempty` leaves out.
    var isEmptyValue: Bool {
        switch self {
        case .null, .bool(false), .integer(0), .string(""): true
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        default: false
        }
    }
}
