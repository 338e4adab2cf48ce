internal import Glibc

/// Colours, where a person looks at a terminal and has not said that they want none.
///
/// Source: no-color.org.
enum Style {
    static let areShown =
        standardOutput.isTerminal && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
        && getenv("TERM").map { String(cString: $0) } != "dumb"

    static func good(_ text: String, colours: Bool = areShown) -> String {
        colours ? "\u{1b}[32m\(text)\u{1b}[0m" : text
    }

    static func bad(_ text: String, colours: Bool = areShown) -> String {
        colours ? "\u{1b}[31m\(text)\u{1b}[0m" : text
    }

    /// Without colours.
    static func plain(_ text: String) -> String {
        guard text.contains("\u{1b}[") else { return text }
        var plain = ""
        var rest = text[...]
        while let escape = rest.firstIndex(of: "\u{1b}") {
            plain += rest[..<escape]
            rest = rest[escape...].drop { $0 != "m" }.dropFirst()
        }
        return plain + rest
    }
}
