internal import Coordination
internal import OCI
internal import Transport

/// One place to ask for a registry's content: a mirror or the registry itself.
struct Upstream: Sendable {
    enum Role: Sendable {
        /// Whatever it fails at, the next place is asked.
        case mirror
        /// The registry over https, where plain HTTP is allowed and not yet known to be needed.
        case probe
        /// The last word.
        case registry
    }

    let role: Role
    /// The URL above `/v2/`.
    let base: WebAddress
    var options: ConnectionOptions
    var credential: Credential
    /// The credential is the configuration's, so that whoever pulls did not choose it.
    let isConfigured: Bool
    /// Whose kept credential is shown: nobody's where the caller brought one, and at a mirror without a section.
    let keeper: Keeper?
    /// Why a kept credential could not be used.
    var trouble: String?
    let tokenRealms: [String]
    /// The registry's name, for a mirror that serves several (OCI distribution-spec, "Registry Proxying").
    let namespace: String?

    /// A registry whose credential is looked up when it is needed.
    struct Keeper: Sendable {
        let registry: String
        let kept: RegistryHost.Kept?
    }

    /// The same, for a connection that may lead into this machine's own network or not.
    func within(_ isInside: Bool) -> Upstream {
        var upstream = self
        upstream.options.allowInside = isInside
        return upstream
    }

    /// The address of `path` below `/v2/`.
    func address(of path: String, query: String? = nil) -> WebAddress {
        let address = base.appending("/v2/" + path, query: query)
        return namespace.map { address.adding(query: "ns=" + percentEncoded($0)) } ?? address
    }

    /// Whether a failure here leaves the next place to be asked.
    func givesWay(to reason: RegistryError.Reason) -> Bool {
        switch (role, reason) {
        case (.mirror, _): true
        case (.probe, .transport): true
        case (.probe, _), (.registry, _): false
        }
    }
}

/// The registries of the configuration, and where each is asked.
struct HostList: Sendable {
    private let hosts: [String: RegistryHost]
    private let anyRegistry: Bool
    /// Insecure registries whose scheme is known by now: whether it is https.
    private let schemes = Locked<[WebAddress: Bool]>([:])

    init(_ hosts: [RegistryHost], anyRegistry: Bool) {
        self.hosts = Dictionary(hosts.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
        self.anyRegistry = anyRegistry
    }

    /// Where `registry` is asked, in order. A registry of this machine without a section of its own may be asked in the
    /// clear, as docker does: nobody else hears it.
    /// - Throws: ``RegistryError/Reason/notConfigured`` or ``RegistryError/Reason/misconfigured(_:)``.
    func upstreams(
        of registry: String, credential: Credential?, mirrors: Bool
    ) throws(RegistryError.Reason) -> [Upstream] {
        let host = try host(named: registry)
        var upstreams: [Upstream] = []
        for mirror in mirrors ? host.mirrors : [] {
            guard let base = WebAddress(mirror) else {
                throw .misconfigured("a mirror of it is no http or https URL of a plain host")
            }
            upstreams.append(self.mirror(base, of: host))
        }
        return try upstreams + endpoints(of: host, credential: credential)
    }

    /// Remembers that `upstream` answered.
    func worked(_ upstream: Upstream) {
        guard upstream.options.insecure, upstream.role != .mirror else { return }
        schemes.withLock { $0[HostList.secure(upstream.base)] = upstream.base.origin.isSecure }
    }

    func host(named name: String) throws(RegistryError.Reason) -> RegistryHost {
        if let host = hosts[name] { return host }
        guard anyRegistry else { throw .notConfigured }
        let isOwn = WebAddress("https://" + name).map { InternetHost($0.origin.host) == .address(.loopback) } ?? false
        return RegistryHost(name: name, insecure: isOwn)
    }

    private func endpoints(of host: RegistryHost, credential: Credential?) throws(RegistryError.Reason) -> [Upstream] {
        guard let base = WebAddress(host.endpoint) else {
            throw .misconfigured("its endpoint is no http or https URL of a plain host")
        }
        let make = { (base: WebAddress, role: Upstream.Role) in
            var options = host.options
            options.insecure = options.insecure || host.insecure
            return Upstream(
                role: role, base: base, options: options, credential: credential ?? host.credential,
                isConfigured: credential == nil, keeper: credential == nil ? HostList.keeper(of: host) : nil,
                tokenRealms: host.tokenRealms, namespace: nil)
        }
        let isDefault = host.endpoint == RegistryHost.defaultEndpoint(of: host.name)
        guard host.insecure, isDefault, let plain = HostList.plain(base) else { return [make(base, .registry)] }
        switch schemes.withLock({ $0[base] }) {
        case true?: return [make(base, .registry)]
        case false?: return [make(plain, .registry)]
        case nil: return [make(base, .probe), make(plain, .registry)]
        }
    }

    /// A mirror with a section of its own is used as that says; else as the registry it mirrors, but without anything
    /// that proves who we are.
    private func mirror(_ base: WebAddress, of host: RegistryHost) -> Upstream {
        let own = hosts[base.authority]
        var options = own?.options ?? host.options
        options.insecure = options.insecure || own?.insecure ?? host.insecure
        if own == nil {
            options.clientCertificate = nil
            options.clientKey = nil
        }
        return Upstream(
            role: .mirror, base: base, options: options, credential: own?.credential ?? .anonymous,
            isConfigured: true, keeper: own.flatMap(HostList.keeper), tokenRealms: own?.tokenRealms ?? [],
            namespace: host.name)
    }

    private static func keeper(of host: RegistryHost) -> Upstream.Keeper? {
        host.credential == .anonymous ? Upstream.Keeper(registry: host.name, kept: host.kept) : nil
    }

    private static func plain(_ base: WebAddress) -> WebAddress? {
        WebAddress(base.description.replacingScheme("https://", by: "http://"))
    }

    private static func secure(_ base: WebAddress) -> WebAddress {
        WebAddress(base.description.replacingScheme("http://", by: "https://")) ?? base
    }
}

extension String {
    fileprivate func replacingScheme(_ scheme: String, by other: String) -> String {
        hasPrefix(scheme) ? other + dropFirst(scheme.utf8.count) : self
    }
}
