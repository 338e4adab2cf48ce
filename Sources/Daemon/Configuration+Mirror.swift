internal import OCI
internal import Serving

extension Configuration {
    mutating func readMirror(_ tree: ConfigurationText) -> [ConfigurationError] {
        var reader = ConfigurationReader(tree, path: ["mirror"])
        let before = mirror.listen
        reader.strings("listen", into: &mirror.listen)
        for address in mirror.listen where Configuration.listener(address) == nil {
            reader.report("listen", "\"\(address)\" is not an IP address and a port, such as \"127.0.0.1:5050\"")
        }
        mirror.isChosen = mirror.listen != before
        var who = "deny"
        reader.string("private", into: &who) {
            $0 == "deny" || $0 == "allow" ? nil : "must be \"deny\" or \"allow\""
        }
        mirror.servesPrivate = who == "allow"
        reader.strings("hosts", into: &mirror.hosts)
        reader.string("cert", into: &mirror.certificate, check: Self.checkFile)
        reader.string("key", into: &mirror.key, check: Self.checkFile)
        reader.string("client-ca", into: &mirror.clientAuthorities, check: Self.checkFile)
        reader.bool("insecure-listen", into: &mirror.isInsecureAllowed)
        if (mirror.certificate == nil) != (mirror.key == nil) {
            reader.report("cert", "goes with key: give both or neither")
        }
        if mirror.clientAuthorities != nil, mirror.certificate == nil {
            reader.report("client-ca", "needs cert and key")
        }
        for address in mirror.listen where Self.listener(address) != nil && !Self.isLoopback(address) {
            guard mirror.certificate == nil, !mirror.isInsecureAllowed else { continue }
            reader.report(
                "listen",
                "\"\(address)\" can be reached from other machines: give cert and key, or say insecure-listen = true")
        }
        return reader.finish()
    }

    /// Reads what a registry's section says of the mirror's answers.
    static func readFreshness(_ name: String, _ tree: ConfigurationText, _ reader: inout ConfigurationReader)
        -> (freshness: Freshness, errors: [ConfigurationError])
    {
        var freshness = Freshness()
        reader.duration("revalidate-after", atLeast: .zero, into: &freshness.revalidateAfter)
        reader.table("revalidate")
        var rules = ConfigurationReader(tree, path: ["registry", name, "revalidate"])
        for pattern in rules.names {
            var duration = freshness.revalidateAfter
            rules.duration(pattern, atLeast: .zero, into: &duration)
            freshness.patterns.append(.init(pattern: pattern, revalidateAfter: duration))
        }
        return (freshness, rules.finish())
    }

    /// The listeners, with the certificate for those that others than this machine can reach.
    func mirrorListeners() -> [Listener] {
        mirror.listen.compactMap { address in
            guard case .tcp(let host, let port, _)? = Self.listener(address) else { return nil }
            guard !Self.isLoopback(address), let certificate = mirror.certificate, let key = mirror.key else {
                return .tcp(host: host, port: port)
            }
            let identity = TLSIdentity(
                certificate: certificate, key: key, clientAuthorities: mirror.clientAuthorities)
            return .tcp(host: host, port: port, tls: identity)
        }
    }

    /// Only this machine can reach it.
    static func isLoopback(_ address: String) -> Bool {
        ["127.", "localhost:", "[::1]:"].contains(where: address.hasPrefix)
    }

    /// `127.0.0.1:5050`, `[::1]:5050` or `localhost:5050`; port 0 takes a free one.
    static func listener(_ text: String) -> Listener? {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = UInt16(text[text.utf8.index(after: colon)...])
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        let isAddress = host.utf8.contains(UInt8(ascii: ":")) || host.split(separator: ".").count == 4
        return host == "localhost" || isAddress ? .tcp(host: host, port: Int(port)) : nil
    }
}
