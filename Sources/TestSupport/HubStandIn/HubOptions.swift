/// The host names a stand-in answers to; all of them at one port of 127.0.0.1.
public struct HubNames: Sendable {
    /// Where `/v2/` is.
    public var registry: String
    /// Where tokens are given.
    public var auth: String
    /// Where blobs are redirected to.
    public var cdn: String
    /// Further names of the registry.
    public var aliases: [String] = []

    public init(registry: String, auth: String, cdn: String) {
        self.registry = registry
        self.auth = auth
        self.cdn = cdn
    }

    /// Docker Hub's names; a client reaches them by ``HubStandIn/resolve``.
    public static let hub = HubNames(
        registry: "registry-1.docker.io", auth: "auth.docker.io", cdn: "production.cloudfront.docker.com")
    /// Names that resolve by themselves, for clients whose name resolution cannot be told otherwise.
    public static let loopback = HubNames(registry: "localhost", auth: "localhost", cdn: "127.0.0.1")
}

/// How a stand-in wants to know who asks.
public enum HubAuthentication: Sendable {
    /// A token from the realm, for everybody, as at Docker Hub.
    case bearer
    /// User name and password at the registry itself.
    case basic
    /// Nobody is asked.
    case open
}

/// Which members a token answer has; servers differ (distribution `auth/token.md`, "Token Response Fields").
public struct TokenStyle: Sendable {
    public var token = true
    public var accessToken = true
    public var expiresIn = true
    public var issuedAt = true

    public init() {}
}

/// The pull limit: how many manifests an identity may GET in a window. HEAD is free.
public struct HubAllowance: Sendable {
    /// Of clients without a token of an account.
    public var anonymous: Int
    /// Of each account; `nil` is without limit, and without the headers.
    public var account: Int?
    /// Length of the window in seconds; told, not enforced.
    public var window = 21_600
    /// The value of a Retry-After header on 429, if there is one.
    public var retryAfter: String?

    public init(anonymous: Int, account: Int? = 200) {
        self.anonymous = anonymous
        self.account = account
    }
}

/// How a stand-in behaves.
public struct HubOptions: Sendable {
    public var names = HubNames.hub
    /// TLS with a certificate of a CA made on the spot, or plain HTTP.
    public var tls = true
    /// The client has to show a certificate of the stand-in's CA.
    public var requiresClientCertificate = false
    public var authentication = HubAuthentication.bearer
    /// Passwords by user name.
    public var accounts: [String: String] = [:]
    public var tokenLifetime: Duration = .seconds(300)
    public var tokenStyle = TokenStyle()
    public var signedURLLifetime: Duration = .seconds(1200)
    /// `nil` is without limit, and without the headers.
    public var allowance: HubAllowance? = HubAllowance(anonymous: 100)
    /// Blobs are redirected to signed URLs, or served by the registry itself.
    public var redirectsBlobs = true
    /// Tags on one page when the client asks for no number; `nil` is all.
    public var tagsPerPage: Int?
    /// Passes before each answer, as over a long line.
    public var latency: Duration = .zero
    /// Passes before the first answer of each connection, besides `latency`: the handshakes of a long line.
    public var connectionLatency: Duration = .zero
    /// Body bytes per second of each connection; `nil` is as fast as it goes.
    public var bytesPerSecond: Int?
    /// The whole link breaks whenever so many body bytes have passed over it, with every answer that is under way.
    public var cutsLinkEvery: Int64?
    /// Where certificates and keys are kept; `nil` is a temporary directory.
    public var stateDirectory: String?

    public init() {}

    /// Plain HTTP with names that resolve by themselves.
    public static var plainLoopback: HubOptions {
        var options = HubOptions()
        options.tls = false
        options.names = .loopback
        return options
    }
}
