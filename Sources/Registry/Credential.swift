/// What proves to a registry who asks. Its text, its debug text and its reflection never show a secret.
public enum Credential: Sendable, Hashable {
    /// Nobody in particular: what anybody may have.
    case anonymous
    /// A user name and a password or access token.
    case basic(username: String, password: String)
    /// A refresh token, exchanged at the registry's token server.
    case identityToken(String)
    /// A token for the registry itself, sent as it is.
    case registryToken(String)
}

extension Credential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        switch self {
        case .anonymous: "anonymous"
        case .basic: "a user name and password"
        case .identityToken: "an identity token"
        case .registryToken: "a registry token"
        }
    }

    public var debugDescription: String { description }

    public var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}

extension Credential {
    /// What must not appear in any text of ours, even when a server writes it into an error.
    var secrets: [String] {
        switch self {
        case .anonymous: []
        case .basic(_, let password): [password]
        case .identityToken(let token), .registryToken(let token): [token]
        }
    }
}
