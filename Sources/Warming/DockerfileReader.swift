/// The images that a Dockerfile builds on: `FROM`, `COPY --from=`, `RUN --mount=…,from=`, and the frontend of its
/// `syntax` line. Stages and `scratch` are no images.
///
/// Source: Dockerfile reference, "Format", "ARG and FROM interaction", "Here-documents".
struct DockerfileReader {
    private let text: String
    private var found = WarmWishes()
    private var arguments: [String: String] = [:]
    private var stages = Set<String>()
    private var hasStage = false
    private var escape: Character = "\\"

    init(_ text: String) { self.text = text }

    func wishes() -> WarmWishes {
        var reader = self
        reader.readDirectives()
        for instruction in reader.instructions() { reader.read(instruction) }
        return reader.found
    }

    /// `# name=value` lines before anything else.
    private mutating func readDirectives() {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let line = line.trimmed
            guard line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { return }
            let value = line[line.index(after: equals)...].trimmed
            switch line[..<equals].dropFirst().trimmed.lowercased() {
            case "syntax": found.add(value)
            case "escape": escape = value.first ?? "\\"
            default: return
            }
        }
    }

    /// Instructions in one line each, without comments and here-documents.
    private func instructions() -> [String] {
        var instructions: [String] = []
        var current = ""
        var endings: [String] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let plain = line.trimmed
            if let ending = endings.first {
                if plain == ending { endings.removeFirst() }
                continue
            }
            if plain.hasPrefix("#") || plain.isEmpty { continue }
            if plain.last == escape {
                current += plain.dropLast() + " "
                continue
            }
            current += plain
            endings = Self.hereDocuments(in: current)
            instructions.append(current)
            current = ""
        }
        return current.isEmpty ? instructions : instructions + [current]
    }

    private static func hereDocuments(in instruction: String) -> [String] {
        let word = instruction.prefix { !$0.isWhitespace }.uppercased()
        guard word == "RUN" || word == "COPY" || word == "ADD" else { return [] }
        return instruction.split(whereSeparator: \.isWhitespace).compactMap { part in
            guard part.hasPrefix("<<"), !part.hasPrefix("<<<") else { return nil }
            let name = part.dropFirst(2).drop { $0 == "-" }.filter { $0 != "\"" && $0 != "'" }
            return name.first?.isLetter == true ? String(name) : nil
        }
    }

    private mutating func read(_ instruction: String) {
        let words = instruction.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let keyword = words.first?.uppercased() else { return }
        switch keyword {
        case "ARG" where !hasStage: words.dropFirst().forEach { define($0) }
        case "FROM": from(Array(words.dropFirst()))
        case "COPY", "ADD": copy(words)
        case "RUN": mounts(words)
        default: return
        }
    }

    private mutating func define(_ text: String) {
        guard let equals = text.firstIndex(of: "=") else { return }
        let value = text[text.index(after: equals)...].filter { $0 != "\"" && $0 != "'" }
        arguments[String(text[..<equals])] = substituted(String(value)) ?? ""
    }

    private mutating func from(_ words: [String]) {
        hasStage = true
        let options = words.prefix { $0.hasPrefix("--") }
        let rest = words.dropFirst(options.count)
        guard let written = rest.first else { return }
        let platform = options.first { $0.hasPrefix("--platform=") }.map { String($0.dropFirst(11)) }
        if let image = substituted(written) { take(image, platform: platform) }
        let tail = Array(rest.dropFirst())
        if tail.count == 2, tail[0].uppercased() == "AS" { stages.insert(tail[1].lowercased()) }
    }

    /// The platforms that BuildKit sets are this machine's unless somebody cross-builds.
    private mutating func take(_ image: String, platform: String? = nil) {
        guard image != "scratch", !stages.contains(image.lowercased()) else { return }
        let automatic = platform.map { $0.contains("BUILDPLATFORM") || $0.contains("TARGETPLATFORM") } ?? true
        found.add(image, platform: automatic ? nil : platform.flatMap { substituted($0) })
    }

    private mutating func copy(_ words: [String]) {
        guard let source = words.first(where: { $0.hasPrefix("--from=") })?.dropFirst(7) else { return }
        takeSource(String(source))
    }

    private mutating func mounts(_ words: [String]) {
        for word in words.dropFirst().prefix(while: { $0.hasPrefix("--") }) where word.hasPrefix("--mount=") {
            for part in word.dropFirst(8).split(separator: ",") where part.hasPrefix("from=") {
                takeSource(String(part.dropFirst(5)))
            }
        }
    }

    /// A number is a stage.
    private mutating func takeSource(_ source: String) {
        guard Int(source) == nil, let image = substituted(source) else { return }
        take(image)
    }

    private mutating func substituted(_ text: String) -> String? {
        var missing: String?
        let automatic = ["TARGETOS": "linux", "BUILDOS": "linux"]
        let substitution = Substitution(value: { [arguments] in arguments[$0] ?? automatic[$0] }, escape: "\\$")
        if let result = substitution.apply(text, missing: &missing) { return result }
        found.complain("\"\(text)\": \(missing ?? "a variable") has no default in the Dockerfile")
        return nil
    }
}
