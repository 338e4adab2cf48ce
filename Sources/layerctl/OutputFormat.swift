internal import ArgumentParser
internal import OCI

/// What `--format` can say: docker's text, one JSON object a line with docker's keys, or the fields one wants.
enum OutputFormat: ExpressibleByArgument {
    case table
    case json
    case fields([String])

    init?(argument: String) {
        switch argument {
        case "": return nil
        case "table": self = .table
        case "json": self = .json
        default:
            // Docker's templates would be taken for field names and print nothing anybody expects.
            guard !argument.contains("{") else { return nil }
            self = .fields(argument.split(separator: ",").map { $0.trimming(" ") })
        }
    }

    static let help = ArgumentHelp(
        "table, json (one object a line), or field names separated by commas.", valueName: "format")

    /// For verbs whose JSON is the daemon's whole report.
    static func reportHelp(fields: [String]) -> ArgumentHelp {
        ArgumentHelp(
            "table, json (one object), or field names separated by commas: \(fields.joined(separator: ", ")).",
            valueName: "format")
    }

    /// Rows as lines of JSON, or their wanted fields separated by tabs.
    /// - Throws: a usage error for a field that no row has.
    func lines(_ rows: [[(String, String)]], fields known: [String]) throws -> String {
        switch self {
        case .table: return ""
        case .json:
            return rows.map { row in
                let members = row.map { JSON.Member($0.0, .string($0.1)) }
                return String(decoding: JSON.object(members).serialized(escapeHTML: true), as: UTF8.self) + "\n"
            }.joined()
        case .fields(let names):
            for name in names where !known.contains(name) {
                throw ValidationError("no field \"\(name)\"; there are \(known.joined(separator: ", "))")
            }
            return rows.map { row in
                names.map { name in HumanText.printable(row.first { $0.0 == name }?.1 ?? "") }.joined(separator: "\t")
                    + "\n"
            }.joined()
        }
    }
}

extension Substring {
    /// Without a character at both ends.
    func trimming(_ character: Character) -> String {
        var text = self
        while text.first == character { text.removeFirst() }
        while text.last == character { text.removeLast() }
        return String(text)
    }
}
