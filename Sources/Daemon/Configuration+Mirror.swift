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
        return reader.finish()
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
