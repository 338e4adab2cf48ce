internal import OCI
internal import Transport

/// What a server said in the body of an answer that is no success, as far as it can be understood. Registries send JSON
/// of several shapes, content networks XML, gateways text or HTML.
struct Refusal: Equatable {
    /// Enough for every registry's reasons; more is not looked at.
    static let maximumBody = 64 << 10
    /// Longest text that still fits a line of a log.
    private static let maximumText = 300

    /// As the registry writes it: `MANIFEST_UNKNOWN`.
    let code: String?
    let message: String?
    /// The code as words.
    private let words: String?

    /// - Parameter secrets: what must not be shown even if the server echoes it.
    init(_ body: [UInt8], secrets: [String] = []) {
        var (code, message): (String?, String?)
        if let json = try? JSON(parsing: body) {
            let first = json["errors"]?.array?.first ?? json
            code = (first["code"] ?? first["error"] ?? first["__type"])?.string
            let texts = [first["message"], first["error_description"], first["details"], first["detail"]]
            message = texts.compactMap { $0?.string }.first { !$0.isEmpty }
        } else {
            let text = String(decoding: body, as: UTF8.self)
            code = Refusal.element("Code", in: text)
            message = Refusal.element("Message", in: text) ?? Refusal.plainLine(text)
        }
        code = code.map { Refusal.shown($0, hiding: secrets) }
        self.code = code
        // As small letters it may have become a secret that it was not.
        words = code.map {
            Refusal.shown($0.lowercased().split(separator: "_").joined(separator: " "), hiding: secrets)
        }
        self.message = message.map { Refusal.shown($0, hiding: secrets) }
    }

    /// `manifest unknown: manifest unknown`, as docker writes code and message; `nil` when there is neither.
    var text: String? {
        let parts = [words, message].compactMap(\.self).filter { !$0.isEmpty }
        return parts.isEmpty ? nil : parts.joined(separator: ": ")
    }

    /// Whether the code is one of `codes`.
    func isOne(of codes: String...) -> Bool { codes.contains(code?.uppercased() ?? "") }

    private static func element(_ name: String, in text: String) -> String? {
        guard text.hasPrefix("<"), let start = position(of: "<\(name)>", in: text) else { return nil }
        let value = text.utf8[start...].prefix { $0 != UInt8(ascii: "<") }
        return String(Substring(value))
    }

    private static func position(of marker: String, in text: String) -> String.Index? {
        let marker = Array(marker.utf8)
        var rest = text.utf8[...]
        while rest.count >= marker.count {
            if rest.starts(with: marker) { return rest.index(rest.startIndex, offsetBy: marker.count) }
            rest = rest.dropFirst()
        }
        return nil
    }

    private static func plainLine(_ text: String) -> String? {
        guard !text.hasPrefix("<") else { return nil }
        return text.split { $0.isNewline }.first { !$0.allSatisfy(\.isWhitespace) }.map(String.init)
    }

    /// One printable line without secrets and without the queries of URLs, which may be secrets too.
    private static func shown(_ text: String, hiding secrets: [String]) -> String {
        var text = String(text.unicodeScalars.prefix(4 * maximumText).map { isControl($0) ? " " : Character($0) })
        for secret in secrets where secret.utf8.count >= 4 {
            text = text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "[hidden]")
        }
        let words = text.split(separator: " ").map { word -> Substring in
            word.contains("://") ? word.prefix { $0 != "?" } : word
        }
        let line = words.joined(separator: " ")
        return line.count > maximumText ? line.prefix(maximumText) + "…" : line
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: true
        default: false
        }
    }
}
