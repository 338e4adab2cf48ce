internal import OCI
internal import TOMLKit

/// A TOML file as an ordered tree, with the line of every key. The only file that knows the TOML library.
struct ConfigurationText: Sendable {
    let file: String
    let root: JSON
    /// Variables that may go before the file's keys.
    let environment: [String: String]
    private let lines: [String: Int]

    /// - Throws: ``ConfigurationError`` with the place of what is not TOML.
    init(
        parsing text: String, file: String, environment: [String: String] = [:]
    ) throws(ConfigurationError) {
        self.file = file
        self.environment = environment.filter { $0.key.hasPrefix("LAYERD_") }
        lines = Self.lines(of: text)
        if let trap = TOMLTraps.first(in: text) {
            throw ConfigurationError(file: file, line: trap.line, key: "", reason: "not valid TOML: \(trap.reason)")
        }
        do {
            let table = try TOMLTable(string: text)
            root = try JSON(parsing: Array(table.convert(to: .json).utf8))
        } catch let error as TOMLParseError {
            throw ConfigurationError(
                file: file, line: error.source.begin.line, key: "", reason: "not valid TOML: \(error.description)")
        } catch {
            throw ConfigurationError(file: file, line: 0, key: "", reason: "not valid TOML: \(error)")
        }
    }

    /// The line on which a key stands, or its table begins; the first when neither was found.
    func line(of path: [String]) -> Int {
        for length in stride(from: path.count, through: 1, by: -1) {
            if let line = lines[path.prefix(length).joined(separator: "\u{1f}")] { return line }
        }
        return 1
    }

    /// The library tells places only of errors, so the keys' lines are read off the text: `[a.b]` headers and `key =`.
    /// The text is known to be TOML when the answer is used; in a multi-line string something may look like a key,
    /// which costs no more than a wrong line number in a message about another key of that name.
    private static func lines(of text: String) -> [String: Int] {
        var lines: [String: Int] = [:]
        var table: [String] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = line.drop { $0 == " " || $0 == "\t" }
            let path: [String]
            if content.first == "[" {
                table = keys(in: content.drop { $0 == "[" }, end: "]")
                path = table
            } else {
                let own = keys(in: content, end: "=")
                guard !own.isEmpty else { continue }
                path = table + own
            }
            let key = path.joined(separator: "\u{1f}")
            if lines[key] == nil { lines[key] = index + 1 }
        }
        return lines
    }

    /// The parts of a dotted key, quotes taken off, up to `end`; none when the line has no key.
    private static func keys(in text: Substring, end: Character) -> [String] {
        var parts: [String] = []
        var part = ""
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil } else { part.append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character == end {
                return parts + [part]
            } else if character == "." {
                parts.append(part)
                part = ""
            } else if character == "#" {
                return []
            } else if character != " " && character != "\t" {
                part.append(character)
            }
        }
        return []
    }
}
