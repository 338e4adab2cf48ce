internal import OCI
internal import Serving

/// What a request's query says.
struct Parameters {
    private let query: [(name: String, value: String)]

    init(_ request: ServerRequest) { query = request.query.map { (name: $0.name, value: $0.value) } }

    /// The first value that is not empty.
    func first(_ name: String) -> String? { query.first { $0.name == name && !$0.value.isEmpty }?.value }

    /// Every value, and of each the parts between commas; no empty ones.
    func list(_ name: String) -> [String] {
        query.filter { $0.name == name }.flatMap { $0.value.split(separator: ",").map(String.init) }
    }

    /// Said by `1` or `true`; without it, or by `0` or `false`, not.
    /// - Throws: ``BadParameter`` for anything else: who misspells a dry run must not get a wet one.
    func flag(_ name: String) throws -> Bool {
        guard let value = query.first(where: { $0.name == name })?.value else { return false }
        switch value {
        case "1", "true": return true
        case "0", "false": return false
        default: throw BadParameter(reason: "\(name) is 1 or 0, not \"\(value.prefix(64))\"")
        }
    }
}

/// A query that makes no sense.
struct BadParameter: Fault {
    let reason: String
    var kind: FaultKind { .invalidInput }
    var description: String { reason }
}
