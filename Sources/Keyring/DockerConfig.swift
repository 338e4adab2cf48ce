internal import Glibc
internal import OCI

/// Docker's `config.json`, as far as it speaks of logins.
///
/// Source: docker/cli `cli/config/configfile/file.go`, `cli/config/credentials`.
public struct DockerConfig: Sendable {
    /// Who keeps the login for a server.
    public enum Keeper: Sendable, Equatable {
        case helper(CredentialHelper)
        /// The file itself.
        case file(Login)
        case nobody
    }

    /// docker's own files are a few KiB; one login is at most a cloud's token of some KiB.
    public static let maximumSize = 1 << 20

    private let auths: [(server: String, entry: JSON)]
    private let helpers: [(server: String, suffix: String)]
    private let store: String?

    /// Where docker keeps the file: `$DOCKER_CONFIG/config.json`, or in `.docker` of the home directory; `nil` for a
    /// user without one.
    public static var standardPath: String? {
        if let given = variable("DOCKER_CONFIG") { return given + "/config.json" }
        return variable("HOME").map { $0 + "/.docker/config.json" }
    }

    /// Reads a file.
    /// - Returns: `nil` when there is none.
    /// - Throws: ``KeyringError/file(_:reason:)``, one for whatever is wrong with it.
    public static func load(_ file: SecretFile) throws(KeyringError) -> DockerConfig? {
        guard let bytes = try file.read(limit: maximumSize) else { return nil }
        return try DockerConfig(bytes, path: file.path)
    }

    init(_ bytes: [UInt8], path: String) throws(KeyringError) {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch {
            throw .file(path, reason: "is not docker's configuration: \(DockerConfig.reason(error))")
        }
        guard json.members != nil else { throw .file(path, reason: "is not docker's configuration: no JSON object") }
        auths = try DockerConfig.members(json["auths"], "auths", path).map { ($0.key, $0.value) }
        helpers = try DockerConfig.members(json["credHelpers"], "credHelpers", path).map {
            member throws(KeyringError) in
            guard let suffix = member.value.string else {
                throw .file(path, reason: "names no program for \(member.key) in credHelpers")
            }
            return (member.key, suffix)
        }
        store = json["credsStore"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Who keeps the login for `registry`, as references name it: a helper of its own, else the helper for all, else
    /// the file.
    /// - Throws: ``KeyringError``, for an entry that cannot be read or a helper with a name that no program has.
    public func keeper(of registry: String, path: String) throws(KeyringError) -> Keeper {
        let key = LoginServer.key(of: registry)
        if let helper = try helper(for: key) { return .helper(helper) }
        let entry =
            auths.first { $0.server == key } ?? auths.first { LoginServer.host(of: $0.server) == registry }
            ?? auths.first { LoginServer.registry(of: $0.server) == registry }
        guard let entry, let login = try DockerConfig.login(entry.entry, entry.server, path) else { return .nobody }
        return .file(login)
    }

    /// The helper that keeps the login for `server`, a key; `nil` where the file itself keeps it.
    /// - Throws: ``KeyringError/helper(_:reason:)``, for a name that no program has.
    public func helper(for server: String) throws(KeyringError) -> CredentialHelper? {
        guard let suffix = helpers.first(where: { $0.server == server })?.suffix ?? store else { return nil }
        return try CredentialHelper(suffix)
    }

    /// `nil` for an entry that is empty: docker leaves one behind where a helper keeps the login.
    private static func login(_ entry: JSON, _ server: String, _ path: String) throws(KeyringError) -> Login? {
        func text(_ key: String) -> String? { entry[key]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        if let token = text("registrytoken") { return .registryToken(token) }
        var username = text("username") ?? ""
        var password = text("password") ?? ""
        if let auth = text("auth") {
            let decoded = Base64.decode(auth).flatMap { String(validating: $0, as: UTF8.self) }
            guard let decoded, let colon = decoded.firstIndex(of: ":"), colon != decoded.startIndex else {
                throw .file(path, reason: "has an auth for \(server) that is not the base64 of USER:PASSWORD")
            }
            username = String(decoded[..<colon])
            password = String(decoded[decoded.index(after: colon)...])
            while password.last == "\0" { password.removeLast() }
        }
        if let token = text("identitytoken") { return .identityToken(token, username: username) }
        return username.isEmpty ? nil : Login(username: username, secret: password)
    }

    private static func members(_ json: JSON?, _ key: String, _ path: String) throws(KeyringError) -> [JSON.Member] {
        guard let json, json != .null else { return [] }
        guard let members = json.members else { throw .file(path, reason: "has no object under \(key)") }
        return members
    }

    /// Where, but not what: a file of secrets is not quoted.
    static func reason(_ error: OCIError) -> String {
        guard case .invalidJSON(let offset, _) = error else { return "no JSON" }
        return "no valid JSON at byte \(offset)"
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }
}
