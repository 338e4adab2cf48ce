internal import FoundationEssentials
internal import OCI

extension Credential {
    /// Reads the `X-Registry-Auth` header, as docker's clients send credentials to a daemon: base64, of either alphabet
    /// and padded or not, of a JSON object.
    ///
    /// - Returns: `nil` for an empty object, which clients without credentials send, and for what cannot be read, which
    ///   dockerd ignores too. Then the daemon's own credentials count.
    public init?(registryAuth header: String?) {
        guard let header, header.utf8.count <= Credential.maximumHeader,
            let bytes = Credential.base64(header), let json = Credential.object(bytes)
        else { return nil }
        func text(_ key: String) -> String? { json[key]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        if let token = text("identitytoken") {
            self = .identityToken(token)
        } else if let token = text("registrytoken") {
            self = .registryToken(token)
        } else if let name = text("username") {
            self = .basic(username: name, password: json["password"]?.string ?? "")
        } else {
            return nil
        }
    }

    /// Tokens of cloud registries have some thousands of characters.
    private static let maximumHeader = 64 << 10

    private static func base64(_ text: String) -> [UInt8]? {
        let standard = text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }.drop { $0 == " " }
        let digits = String(standard).split(separator: "=", omittingEmptySubsequences: false).first ?? ""
        let padding = String(repeating: "=", count: (4 - digits.count % 4) % 4)
        return Data(base64Encoded: digits + padding).map(Array.init)
    }

    private static func object(_ bytes: [UInt8]) -> JSON? {
        do { return try JSON(parsing: bytes) } catch { return nil }
    }
}
