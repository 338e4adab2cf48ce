internal import FoundationEssentials
internal import OCI
internal import Registry

extension Credential {
    /// Reads `X-Registry-Auth`: URL-safe or plain base64, padded or not, of a JSON object.
    ///
    /// - Returns: nil for an empty object, which clients without credentials send, and for what cannot be read: then the
    ///   daemon's own credentials count, as with dockerd.
    init?(registryAuth header: String?) {
        guard let header, header.utf8.count <= Credential.maximumHeader, let json = Credential.object(header) else {
            return nil
        }
        func text(_ key: String) -> String? { json[key]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        if let token = text("identitytoken") {
            self = .identityToken(token)
        } else if let token = text("registrytoken") {
            self = .registryToken(token)
        } else if let name = text("username") {
            self = .basic(username: name, password: text("password") ?? "")
        } else {
            return nil
        }
    }

    /// Tokens of cloud registries have some thousands of characters.
    private static let maximumHeader = 64 << 10

    private static func object(_ header: String) -> JSON? {
        var digits = header.filter { $0 != "=" && $0 != " " }.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        while !digits.count.isMultiple(of: 4) { digits.append("=") }
        guard let bytes = Data(base64Encoded: String(digits)) else { return nil }
        do { return try JSON(parsing: Array(bytes)) } catch { return nil }
    }
}
