/// A file that names images: which kind it is, and what it asks for.
public enum WarmFile {
    enum Kind: Sendable {
        case list, yaml, dockerfile, quadlet
    }

    /// Reads any of the kinds, told by the file's name, and where that says nothing by its first line.
    public static func wishes(in text: String, named name: String) -> WarmWishes {
        switch kind(of: text, named: name) {
        case .list: return list(text)
        case .yaml: return ManifestFile.wishes(in: text, named: name)
        case .dockerfile: return DockerfileReader(text).wishes()
        case .quadlet: return QuadletReader.wishes(in: text)
        }
    }

    private static func kind(of text: String, named path: String) -> Kind {
        let name = String(path.split(separator: "/").last ?? "").lowercased()
        let ending = name.split(separator: ".").last.map(String.init) ?? ""
        if ["yaml", "yml", "json"].contains(ending) { return .yaml }
        if ["container", "image", "volume", "pod", "kube", "build"].contains(ending) { return .quadlet }
        let isDockerfile = ["dockerfile", "containerfile"].contains { name.hasPrefix($0) || ending == $0 }
        if isDockerfile { return .dockerfile }
        let lines = text.split(whereSeparator: \.isNewline).map(\.trimmed)
        let first = lines.first { !$0.isEmpty && !$0.hasPrefix("#") && !$0.hasPrefix(";") } ?? ""
        let word = first.split(separator: " ").first.map { $0.uppercased() } ?? ""
        if word == "FROM" || word == "ARG" { return .dockerfile }
        if first.hasPrefix("[") { return .quadlet }
        let isYAML =
            first == "---"
            || ["services:", "apiVersion:", "kind:", "version:", "name:"].contains {
                first.hasPrefix($0)
            }
        return isYAML ? .yaml : .list
    }

    /// One image a line, perhaps with a platform after it; `#` begins a comment.
    static func list(_ text: String) -> WarmWishes {
        var wishes = WarmWishes()
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let image = words.first else { continue }
            if words.count > 2 {
                wishes.complain("\"\(line.trimmed)\": a line is an image, and perhaps a platform")
            } else {
                wishes.add(image, platform: words.count == 2 ? words[1] : nil)
            }
        }
        return wishes
    }
}

/// Puts values in the place of `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}` and `${NAME:+other}`, as
/// Compose and Dockerfiles have them.
struct Substitution {
    /// `nil` for a variable without a value.
    let value: (String) -> String?
    /// `$$` is a dollar (Compose), or `\$` is (Dockerfile).
    let escape: String

    /// `nil` when a variable without a value is needed; `missing` then names it.
    func apply(_ text: String, missing: inout String?) -> String? {
        var out = ""
        var rest = text[...]
        while let character = rest.first {
            if rest.hasPrefix(escape) {
                out += "$"
                rest = rest.dropFirst(2)
            } else if character != "$" {
                out.append(character)
                rest = rest.dropFirst()
            } else {
                rest = rest.dropFirst()
                guard let piece = variable(&rest, missing: &missing) else { return nil }
                out += piece
            }
        }
        return out
    }

    private func variable(_ rest: inout Substring, missing: inout String?) -> String? {
        guard rest.first == "{" else {
            let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            rest = rest.dropFirst(name.count)
            guard let found = value(String(name)) else {
                missing = String(name)
                return nil
            }
            return found
        }
        guard let end = closing(rest) else {
            missing = "a closing brace"
            return nil
        }
        let body = rest[rest.index(after: rest.startIndex)..<end]
        rest = rest[rest.index(after: end)...]
        let name = body.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        return expand(String(name), body.dropFirst(name.count), missing: &missing)
    }

    private func expand(_ name: String, _ rule: Substring, missing: inout String?) -> String? {
        let known = value(name)
        let ignoresEmpty = rule.hasPrefix(":")
        let isSet = known.map { !ignoresEmpty || !$0.isEmpty } ?? false
        let operation = ignoresEmpty ? rule.dropFirst() : rule
        switch operation.first {
        case "-": return isSet ? known : apply(String(operation.dropFirst()), missing: &missing)
        case "+": return isSet ? apply(String(operation.dropFirst()), missing: &missing) : ""
        default:
            if known == nil { missing = name }
            return known
        }
    }

    /// The brace that closes the first one; defaults may hold variables themselves.
    private func closing(_ text: Substring) -> String.Index? {
        var depth = 0
        for index in text.indices {
            if text[index] == "{" { depth += 1 }
            if text[index] == "}" { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }
}
