/// Routes by method and path. A pure value; a route is whatever the caller likes.
///
/// A pattern is a path whose segments are literal, `{name}` (one segment) or, once, `{name:.*}` (one or more segments,
/// as many as fit). The path is decoded once, before it is matched, so that a client may write a slash or a colon of a
/// name either way. A pattern without names wins over those with; of these, the one declared first.
public struct RouteTable<Route: Sendable>: Sendable {
    /// A route and the decoded segments its pattern named.
    public struct Match: Sendable {
        public let route: Route
        public let values: [String: String]
        /// - Precondition: the pattern has that name.
        public subscript(name: String) -> String {
            guard let value = values[name] else { preconditionFailure("the route's pattern has no {\(name)}") }
            return value
        }
    }

    /// What a table says to a method and a path.
    public enum Answer: Sendable {
        case found(Match)
        /// The path exists, for these methods, in order of declaration.
        case otherMethod([String])
        case notFound
    }

    private enum Segment: Sendable, Equatable {
        case literal(String), one(String), many(String)
    }
    private struct Entry: Sendable {
        let method: String, route: Route, segments: [Segment]
    }

    private var fixed: [String: [(method: String, route: Route)]] = [:]
    private var patterns: [Entry] = []

    /// - Precondition: every pattern starts with `/` and has at most one `{name:.*}`.
    public init(_ routes: [(method: String, pattern: String, route: Route)]) {
        for (method, pattern, route) in routes {
            precondition(pattern.hasPrefix("/"), "a pattern is a path")
            let segments = RouteTable.segments(pattern).map(RouteTable.segment)
            let greedy = segments.filter { if case .many = $0 { true } else { false } }
            precondition(greedy.count <= 1, "a pattern has one {name:.*} at most")
            if segments.allSatisfy({ if case .literal = $0 { true } else { false } }) {
                fixed[pattern, default: []].append((method, route))
            } else {
                patterns.append(Entry(method: method, route: route, segments: segments))
            }
        }
    }

    /// Finds the route of a request.
    /// - Parameter path: undecoded, without a query, as ``ServerRequest/path`` is.
    public func match(method: String, path: String) -> Answer {
        guard let path = ServerRequest.percentDecode(path) else { return .notFound }
        var others: [String] = []
        if let routes = fixed[path] {
            if let hit = routes.first(where: { $0.method == method }) {
                return .found(Match(route: hit.route, values: [:]))
            }
            others = routes.map(\.method)
        }
        let segments = RouteTable.segments(path)
        for entry in patterns {
            guard let values = RouteTable.values(entry.segments, segments) else { continue }
            if entry.method == method { return .found(Match(route: entry.route, values: values)) }
            if !others.contains(entry.method) { others.append(entry.method) }
        }
        return others.isEmpty ? .notFound : .otherMethod(others)
    }

    private static func segments(_ path: String) -> [Substring] {
        // By bytes: to a Character a slash and an accent after it are one, and not a slash.
        path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Substring.init)
    }

    private static func segment(_ text: Substring) -> Segment {
        guard text.hasPrefix("{"), text.hasSuffix("}") else { return .literal(String(text)) }
        let name = text.dropFirst().dropLast()
        return name.hasSuffix(":.*") ? .many(String(name.dropLast(3))) : .one(String(name))
    }

    private static func values(_ pattern: [Segment], _ path: [Substring]) -> [String: String]? {
        var values: [String: String] = [:]
        var index = path.startIndex
        for (position, segment) in pattern.enumerated() {
            // Whatever follows the greedy segment takes one segment each, so its length is settled by counting.
            let length = if case .many = segment { path.count - index - (pattern.count - position - 1) } else { 1 }
            guard length > 0, index + length <= path.count else { return nil }
            let text = path[index..<index + length].joined(separator: "/")
            index += length
            switch segment {
            case .literal(let literal): if text != literal { return nil }
            case .one(let name), .many(let name):
                if text.isEmpty { return nil }
                values[name] = text
            }
        }
        return index == path.count ? values : nil
    }
}
