internal import OCI

/// The `filters` parameter: names with their values.
///
/// Two shapes are understood: `{"label":{"a=b":true}}` of Go clients and `{"label":["a=b"]}` of docker-py.
struct Filters: Sendable {
    /// Values in the order they came. A key may be here without any.
    let values: [(key: String, values: [String])]

    /// - Parameter text: `nil` and the empty text are no filters.
    /// - Throws: ``EngineError/malformedFilters``.
    init(parsing text: String?) throws(EngineError) {
        guard let text, !text.isEmpty else {
            values = []
            return
        }
        guard let json = try? JSON(parsing: Array(text.utf8), limits: Filters.limits) else { throw .malformedFilters }
        values = try Filters.entries(json)
    }

    init(_ values: [(key: String, values: [String])]) { self.values = values }

    /// A filter is a line that a person typed, however many times over.
    private static let limits: JSON.Limits = {
        var limits = JSON.Limits()
        limits.bytes = 256 << 10
        limits.depth = 4
        limits.values = 10_000
        return limits
    }()

    private static func entries(_ json: JSON) throws(EngineError) -> [(key: String, values: [String])] {
        if json == .null { return [] }
        guard let members = json.members else { throw .malformedFilters }
        var entries: [(key: String, values: [String])] = []
        for member in members { entries.append((member.key, try texts(member.value))) }
        return entries
    }

    private static func texts(_ json: JSON) throws(EngineError) -> [String] {
        var texts: [String] = []
        switch json {
        case .object(let members):
            for member in members {
                guard let isSet = member.value.bool else { throw .malformedFilters }
                if isSet { texts.append(member.key) }
            }
        case .array(let elements):
            for element in elements {
                guard let text = element.string else { throw .malformedFilters }
                texts.append(text)
            }
        default: throw .malformedFilters
        }
        return texts
    }

    /// The values of a filter; none when it is not there.
    subscript(_ key: String) -> [String] { values.first { $0.key == key }?.values ?? [] }

    /// - Throws: ``EngineError/invalidFilter(_:)`` that names the first filter that is none of these.
    func check(known: Set<String>) throws(EngineError) {
        if let unknown = values.first(where: { !known.contains($0.key) }) { throw .invalidFilter(unknown.key) }
    }

    /// A filter that is true or false; `nil` when it is not there.
    /// - Throws: ``EngineError/invalidFilter(_:)`` when its values say neither, or both.
    func flag(_ key: String) throws(EngineError) -> Bool? {
        guard let texts = values.first(where: { $0.key == key })?.values else { return nil }
        let isTrue = texts.contains("1") || texts.contains("true")
        let isFalse = texts.contains("0") || texts.contains("false")
        guard isTrue != isFalse else {
            throw .invalidFilter(texts.isEmpty ? key : "\(key)=[\(texts.joined(separator: " "))]")
        }
        return isTrue
    }
}
