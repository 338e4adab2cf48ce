/// One figure of a family.
public struct Sample: Sendable {
    /// Behind the family's name; empty but for histograms.
    var suffix = ""
    var labels: [(String, String)]
    var value: Double

    public init(_ labels: [(String, String)] = [], _ value: Double) {
        self.labels = labels
        self.value = value
    }

    init(suffix: String = "", labels: [(String, String)], value: Double) {
        self.suffix = suffix
        self.labels = labels
        self.value = value
    }
}

/// All figures of one name, with what they mean, as text for Prometheus.
///
/// Source: Prometheus, "Exposition formats", text format 0.0.4.
public struct FamilyText: Sendable {
    public enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    public var name: String
    public var help: String
    public var kind: Kind
    public var samples: [Sample]

    public init(_ name: String, help: String, kind: Kind, samples: [Sample]) {
        self.name = name
        self.help = help
        self.kind = kind
        self.samples = samples
    }

    /// A gauge without labels.
    public init(_ name: String, help: String, gauge value: Int64) {
        self.init(name, help: help, kind: .gauge, samples: [Sample([], Double(value))])
    }

    /// The lines of all families, in the order given.
    public static func text(of families: [FamilyText]) -> String { families.map(\.lines).joined() }

    private var lines: String {
        var text = "# HELP \(name) \(escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0.0)=\"\(escaped($0.1, quotes: true))\"" }.joined(separator: ",")
            text += name + sample.suffix + (labels.isEmpty ? "" : "{\(labels)}") + " \(decimal(sample.value))\n"
        }
        return text
    }
}

/// Whole numbers without a fraction: a counter of bytes reads as bytes.
func decimal(_ value: Double) -> String {
    if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
    return "\(value)"
}

private func escaped(_ text: String, quotes: Bool) -> String {
    var out = ""
    for character in text {
        switch character {
        case "\\": out += "\\\\"
        case "\n": out += "\\n"
        case "\"" where quotes: out += "\\\""
        default: out.append(character)
        }
    }
    return out
}
