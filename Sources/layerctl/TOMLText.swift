/// A TOML file, changed as a person with an editor changes it: a key in a table, everything else as it stands.
struct TOMLText {
    private var lines: [Substring]

    init(_ text: String) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.lines = lines
    }

    var text: String { lines.map { $0 + "\n" }.joined() }

    /// The key has this value, unless the table has it already with a value that is not empty: that is somebody's
    /// choice.
    func setting(_ key: String, to value: String, in table: String) -> TOMLText {
        guard let place = place(of: key, in: table) else { return inserting("\(key) = \(value)", in: table) }
        let current = lines[place].drop { $0 != "=" }.dropFirst().filter { $0 != " " }
        guard current == "\"\"" || current == "''" else { return self }
        var changed = self
        changed.lines[place] = lines[place].prefix { $0 != "=" } + "= \(value)"
        return changed
    }

    /// The list under the key begins with this element.
    func prepending(_ element: String, to key: String, in table: String) -> TOMLText {
        guard let place = place(of: key, in: table) else { return inserting("\(key) = [\(element)]", in: table) }
        let line = lines[place]
        guard !line.contains(element), let bracket = line.firstIndex(of: "[") else { return self }
        let rest = line[line.index(after: bracket)...]
        let isEmpty = rest.first { $0 != " " } == "]"
        var changed = self
        changed.lines[place] = line[...bracket] + element + (isEmpty ? "" : ", ") + rest
        return changed
    }

    private func inserting(_ line: String, in table: String) -> TOMLText {
        var changed = self
        if let header = header(of: table) {
            let margin = lines[header].prefix { $0 == " " || $0 == "\t" }
            changed.lines.insert(margin + "  \(line)", at: header + 1)
        } else {
            if lines.last.map({ !$0.isEmpty }) ?? false { changed.lines.append("") }
            changed.lines += ["[\(table)]", "  \(line)"]
        }
        return changed
    }

    private func header(of table: String) -> Int? {
        let wanted = TOMLText.normal(Substring("[\(table)]"))
        return lines.firstIndex { TOMLText.normal($0) == wanted }
    }

    private func place(of key: String, in table: String) -> Int? {
        guard let header = header(of: table) else { return nil }
        for index in lines.indices.dropFirst(header + 1) {
            let line = lines[index].drop { $0 == " " || $0 == "\t" }
            if line.first == "[" { return nil }
            if line.prefix(while: { $0 != "=" && $0 != " " && $0 != "\t" }) == key { return index }
        }
        return nil
    }

    /// Without blanks and comments, one kind of quotes.
    private static func normal(_ line: Substring) -> String {
        String(line.prefix { $0 != "#" }.filter { $0 != " " && $0 != "\t" && $0 != "\r" }.map { $0 == "'" ? "\"" : $0 })
    }
}
