internal import OCI

/// Takes the keys of one table, one by one, and at the end complains of those nobody took. Errors are gathered, not
/// thrown: an operator wants all of them at once.
struct ConfigurationReader {
    let text: ConfigurationText
    let path: [String]
    private let members: [JSON.Member]
    private var known: [String] = []
    private(set) var errors: [ConfigurationError] = []

    init(_ text: ConfigurationText, path: [String] = []) {
        self.text = text
        self.path = path
        var node = text.root
        for part in path { node = node[part] ?? .object([]) }
        if let members = node.members {
            self.members = members
        } else {
            members = []
            errors.append(Self.error(text, path, "is a table: write [\(path.joined(separator: "."))]"))
        }
    }

    /// The names of the tables below this one.
    var names: [String] { members.map(\.key) }

    mutating func string(_ key: String, into value: inout String, check: (String) -> String? = { _ in nil }) {
        take(key, "a string in quotes", into: &value) {
            $0.string
        } check: {
            check($0)
        }
    }

    mutating func string(_ key: String, into value: inout String?, check: (String) -> String? = { _ in nil }) {
        var text = value ?? ""
        let isGiven = members.contains { $0.key == key } || self.text.environment[Self.variable(path + [key])] != nil
        guard isGiven else { return known.append(key) }
        string(key, into: &text, check: check)
        value = text
    }

    mutating func strings(_ key: String, into value: inout [String]) {
        take(key, "a list of strings", into: &value) { json in
            guard let items = json.array else { return nil }
            let texts = items.compactMap(\.string)
            return texts.count == items.count ? texts : nil
        } check: { _ in
            nil
        }
    }

    /// One text, or a list of them.
    mutating func texts(_ key: String, into value: inout [String]) {
        take(key, "a string, or a list of strings", into: &value) { json in
            if let text = json.string { return [text] }
            guard let items = json.array else { return nil }
            let texts = items.compactMap(\.string)
            return texts.count == items.count ? texts : nil
        } check: { _ in
            nil
        }
    }

    mutating func bool(_ key: String, into value: inout Bool) {
        take(key, "true or false", into: &value) {
            $0.bool
        } check: { _ in
            nil
        }
    }

    mutating func count(_ key: String, in range: ClosedRange<Int>, into value: inout Int) {
        take(key, "a whole number", into: &value) {
            $0.integer.flatMap(Int.init(exactly:))
        } check: {
            range.contains($0) ? nil : "must be from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    mutating func bytes<Number: FixedWidthInteger>(
        _ key: String, in range: ClosedRange<Number>, into value: inout Number
    ) {
        take(key, "a size such as \"50GB\", \"50GiB\" or a number of bytes", into: &value) { json in
            (json.integer ?? json.string.flatMap(Quantity.bytes)).flatMap(Number.init(exactly:))
        } check: {
            range.contains($0) ? nil : "must be from \(range.lowerBound) to \(range.upperBound) bytes"
        }
    }

    /// A part of a whole.
    mutating func share(_ key: String, in range: ClosedRange<Double>, into value: inout Double) {
        take(key, "a number such as 0.8", into: &value) {
            if case .number(let value) = $0 { value } else { $0.integer.map(Double.init) }
        } check: {
            range.contains($0) ? nil : "must be from \(range.lowerBound) to \(range.upperBound)"
        }
    }

    mutating func duration(_ key: String, atLeast least: Duration, into value: inout Duration) {
        take(key, "a duration with a unit, such as \"30s\", \"6h\" or \"7d\"", into: &value) { json in
            json.string.flatMap(Quantity.duration)
        } check: {
            $0 >= least ? nil : "must be at least \(least)"
        }
    }

    /// One word of a few.
    mutating func choice<Value: RawRepresentable>(_ key: String, of choices: [Value], into value: inout Value)
    where Value.RawValue == String {
        let words = choices.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        take(key, "one of \(words)", into: &value) {
            $0.string.flatMap(Value.init(rawValue:))
        } check: { _ in
            nil
        }
    }

    /// A table below this one is read by a reader of its own.
    mutating func table(_ key: String) { known.append(key) }

    mutating func report(_ key: String, _ reason: String) {
        let name = Self.variable(path + [key])
        guard path.count != 1 || text.environment[name] == nil else { return complain(of: name, reason) }
        errors.append(Self.error(text, path + [key], reason))
    }

    /// Complains of the table as such.
    mutating func reportTable(_ reason: String) {
        errors.append(Self.error(text, path, reason))
    }

    /// Complains of every key that was not asked for, in the file and in the environment.
    mutating func finish() -> [ConfigurationError] {
        for member in members where !known.contains(member.key) {
            report(member.key, "unknown key" + nearest(to: member.key))
        }
        guard path.count == 1, !known.isEmpty else { return errors }
        let prefix = Self.variable(path)
        for name in text.environment.keys.sorted() where name.hasPrefix(prefix + "_") {
            guard !known.contains(where: { Self.variable(path + [$0]) == name }) else { continue }
            let key = name.dropFirst(prefix.count + 1).lowercased().replacing("_", with: "-")
            complain(of: name, "means no key of [\(path[0])]" + nearest(to: key))
        }
        return errors
    }

    private func nearest(to key: String) -> String {
        let near = known.min { distance($0, key) < distance($1, key) }
        return near.map { "; the nearest is \"\($0)\"" } ?? ""
    }

    private mutating func complain(of variable: String, _ reason: String) {
        errors.append(ConfigurationError(file: "environment", line: 0, key: variable, reason: reason))
    }

    /// `LAYERD_STORE_MAX_SIZE` for `[store] max-size`. Registries' names do not fit into those of variables.
    private static func variable(_ path: [String]) -> String {
        "LAYERD_" + path.joined(separator: "_").uppercased().replacing("-", with: "_")
    }

    private mutating func take<Value>(
        _ key: String, _ expected: String, into value: inout Value, _ read: (JSON) -> Value?,
        check: (Value) -> String?
    ) {
        known.append(key)
        let name = Self.variable(path + [key])
        if path.count == 1, let text = text.environment[name] {
            guard let found = Self.readings(of: text).lazy.compactMap(read).first else {
                return complain(of: name, "must be \(expected)")
            }
            if let reason = check(found) { return complain(of: name, reason) }
            value = found
            return
        }
        guard let member = members.first(where: { $0.key == key }) else { return }
        guard let found = read(member.value) else { return report(key, "must be \(expected)") }
        if let reason = check(found) { return report(key, reason) }
        value = found
    }

    /// What a variable's text may be in a file: a number, a word, a text, a list with commas.
    private static func readings(of text: String) -> [JSON] {
        var readings: [JSON] = []
        do { readings.append(try JSON(parsing: Array(text.utf8))) } catch { readings.append(.string(text)) }
        readings.append(.string(text))
        readings.append(.array(text.split(separator: ",").map { .string(String($0)) }))
        return readings
    }

    private static func error(_ text: ConfigurationText, _ path: [String], _ reason: String) -> ConfigurationError {
        let table = path.dropLast().map { $0.contains(".") ? "\"\($0)\"" : $0 }.joined(separator: ".")
        return ConfigurationError(
            file: text.file, line: text.line(of: path),
            key: (table.isEmpty ? "" : "[\(table)] ") + (path.last ?? ""), reason: reason)
    }
}

/// Levenshtein's distance, to name the key that was probably meant.
private func distance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in right.enumerated() {
            let above = row[j + 1]
            row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a == b ? 0 : 1))
            diagonal = above
        }
    }
    return row[right.count]
}
