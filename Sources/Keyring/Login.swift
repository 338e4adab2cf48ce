// Keyring: where logins at registries are kept, and how they are read and written: Docker's `config.json`, its
// credential helpers, systemd's credentials, files that hold a password. No registry is asked in here, and no secret
// ever gets into a text.

internal import OCI

/// What somebody shows to a registry. Its text, its debug text and its reflection never show a secret.
public enum Login: Sendable, Hashable {
    /// A user name and a password or access token.
    case password(username: String, password: String)
    /// A refresh token, which the registry's token server exchanges.
    case identityToken(String, username: String)
    /// A token for the registry itself, sent as it is.
    case registryToken(String)

    /// The user name under which docker and its helpers keep an identity token.
    static let tokenUser = "<token>"

    /// Reads `USER:PASSWORD`; the password may hold colons, and `<token>` as the user makes it an identity token.
    /// `nil` without a colon or a user.
    public init?(pair text: some StringProtocol) {
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else { return nil }
        self.init(username: String(text[..<colon]), secret: String(text[text.index(after: colon)...]))
    }

    init(username: String, secret: String) {
        self =
            username == Login.tokenUser
            ? .identityToken(secret, username: "") : .password(username: username, password: secret)
    }

    /// The value of `X-Registry-Auth` with which a client hands the login to a daemon: base64 in the alphabet of URLs.
    ///
    /// Source: Docker Engine API 1.50, "Authentication".
    public func registryAuth(server: String) -> String {
        var members: [JSON.Member]
        switch self {
        case .password(let username, let password):
            members = [.init("username", .string(username)), .init("password", .string(password))]
        case .identityToken(let token, let username):
            members = username.isEmpty ? [] : [.init("username", .string(username))]
            members.append(.init("identitytoken", .string(token)))
        case .registryToken(let token): members = [.init("registrytoken", .string(token))]
        }
        members.append(.init("serveraddress", .string(server)))
        let text = Base64.encode(JSON.object(members).serialized())
        return String(text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    }
}

extension Login: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        switch self {
        case .password: "a user name and password"
        case .identityToken: "an identity token"
        case .registryToken: "a registry token"
        }
    }

    public var debugDescription: String { description }

    public var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}

/// The names under which logins are kept.
public enum LoginServer {
    /// Docker's key for Docker Hub, in `auths` and towards helpers alike.
    public static let hub = "https://index.docker.io/v1/"
    private static let hubHosts: Set<String> = ["docker.io", "index.docker.io", "registry-1.docker.io"]

    /// The key of a registry that references call `registry`.
    public static func key(of registry: String) -> String { hubHosts.contains(registry) ? hub : registry }

    /// The registry that a key, or an address as people give it to `login`, means: without scheme and path, all names
    /// of Docker Hub as `docker.io`.
    public static func registry(of server: String) -> String {
        let host = host(of: server)
        return host.isEmpty || hubHosts.contains(host) ? "docker.io" : host
    }

    /// docker's reduction of a key to a host: no scheme, and nothing from the first slash on.
    static func host(of server: String) -> String {
        var rest = server[...]
        for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        return String(rest.prefix { $0 != "/" })
    }
}
