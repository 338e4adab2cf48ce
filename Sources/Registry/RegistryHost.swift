public import Transport

/// How one registry is reached: a `[registry."NAME"]` section of the configuration.
public struct RegistryHost: Sendable, Hashable {
    /// The registry as references name it, `docker.io`.
    public var name: String
    /// The URL above `/v2/`. Its scheme is what is spoken: an `http://` endpoint is asked in the clear.
    public var endpoint: String
    /// URLs above `/v2/` of hosts that are asked first, in this order. They never see this registry's credential.
    public var mirrors: [String]
    /// Authorities, client certificate, proxy and times.
    public var options: ConnectionOptions
    /// What is shown to the registry when the caller brings nothing of its own.
    public var credential: Credential
    /// Where that is kept, if it is to be looked up each time instead.
    public var kept: Kept?
    /// URLs of token servers outside the registry's own domain that may be trusted with the credential. Scheme, host
    /// and port are what counts.
    public var tokenRealms: [String]
    /// Accepts any certificate; and where the endpoint is the default one and https does not work there at all, plain
    /// HTTP.
    public var insecure: Bool
    /// Pulls of the registry's allowance that are left to people: what is fetched to keep images warm stops there.
    public var reserve: Int

    /// Where a credential is kept that the configuration names.
    public enum Kept: Sendable, Hashable {
        /// A user name, and the path of a file that holds the password alone.
        case passwordFile(username: String, path: String)
        /// `docker-credential-NAME`, asked for the registry.
        case helper(String)
    }

    /// Describes a registry by its name and what differs from the defaults. Without `endpoint` it is at `https://NAME`,
    /// Docker Hub at its API's host.
    public init(
        name: String, endpoint: String? = nil, mirrors: [String] = [],
        options: ConnectionOptions = ConnectionOptions(), credential: Credential = .anonymous, kept: Kept? = nil,
        tokenRealms: [String] = [], insecure: Bool = false
    ) {
        self.name = name
        self.endpoint = endpoint ?? RegistryHost.defaultEndpoint(of: name)
        self.mirrors = mirrors
        self.options = options
        self.credential = credential
        self.kept = kept
        self.tokenRealms = tokenRealms
        self.insecure = insecure
        // Docker Hub is the registry that has an allowance.
        reserve = name == "docker.io" ? 20 : 0
    }

    static func defaultEndpoint(of name: String) -> String {
        "https://" + (name == "docker.io" ? "registry-1.docker.io" : name)
    }
}

extension RegistryHost: CustomStringConvertible, CustomReflectable {
    public var description: String { name }

    /// Leaves the options out: a proxy's URL may hold a password.
    public var customMirror: Mirror {
        Mirror(self, children: ["name": name, "endpoint": endpoint, "mirrors": mirrors, "insecure": insecure])
    }
}
