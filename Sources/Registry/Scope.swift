/// What a token is good for, as a token server is asked: `repository:library/alpine:pull`.
///
/// Source: distribution `auth/scope.md`.
enum Scope {
    static func pull(_ path: String) -> String { "repository:\(path):pull" }

    /// Equal wishes in equal form, so that they share a token: actions of one resource joined, everything sorted, what
    /// asks for no action dropped. What has another form is kept as it is (ECR Public's is `aws`).
    static func cleaned(_ scopes: [String]) -> [String] {
        var actions: [String: Set<Substring>] = [:]
        var others = Set<String>()
        for scope in scopes where !scope.isEmpty {
            // A resource's name may hold colons (`host:5000/name`): the actions come after the last.
            guard let first = scope.firstIndex(of: ":"), let last = scope.lastIndex(of: ":"), first != last else {
                others.insert(scope)
                continue
            }
            let wanted = scope[scope.index(after: last)...].split(separator: ",")
            actions[String(scope[..<last]), default: []].formUnion(wanted)
        }
        for (resource, wanted) in actions where !wanted.isEmpty {
            others.insert("\(resource):\(wanted.contains("*") ? "*" : wanted.sorted().joined(separator: ","))")
        }
        return others.sorted()
    }

    /// The scopes of a challenge's parameter, which are separated by spaces.
    static func list(_ parameter: String?) -> [String] {
        cleaned((parameter ?? "").split(separator: " ").map(String.init))
    }
}
