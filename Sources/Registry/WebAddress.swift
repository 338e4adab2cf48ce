/// A URL as it is asked: http or https, a host, a path. What is refused here reaches no other parser, so that what was
/// checked and what is connected to cannot differ.
struct WebAddress: Hashable, Sendable, CustomStringConvertible {
    /// Whom a request reaches: two addresses of one origin may share an `Authorization`.
    struct Origin: Hashable, Sendable {
        let isSecure: Bool
        let host: String
        let port: Int
    }

    /// Signed URLs of content networks have up to 2 KiB.
    static let maximumLength = 8 << 10

    let origin: Origin
    /// Empty, or from the first `/` on.
    let path: String
    /// Without the `?`.
    let query: String?

    private init(origin: Origin, path: String, query: String?) {
        self.origin = origin
        self.path = path
        self.query = query
    }

    /// `nil` for another scheme, credentials in the URL, a host that is neither a name nor an address, a port outside
    /// 1...65535, and bytes that have no place in a URL. A fragment is dropped.
    init?(_ text: String) {
        guard text.utf8.count <= WebAddress.maximumLength, text.utf8.allSatisfy(isURLByte) else { return nil }
        let lower = text.prefix(8).lowercased()
        let isSecure = lower == "https://"
        guard isSecure || lower.hasPrefix("http://") else { return nil }
        let rest = text.utf8.dropFirst(isSecure ? 8 : 7)
        let authority = rest.prefix { !"/?#".utf8.contains($0) }
        guard let (host, port) = WebAddress.hostAndPort(Substring(authority)) else { return nil }
        origin = Origin(isSecure: isSecure, host: host, port: port ?? (isSecure ? 443 : 80))
        (path, query) = WebAddress.pathAndQuery(Substring(rest[authority.endIndex...]))
    }

    /// Host, and port where it is not the scheme's.
    var authority: String {
        origin.port == (origin.isSecure ? 443 : 80) ? origin.host : "\(origin.host):\(origin.port)"
    }

    var description: String {
        "\(origin.isSecure ? "https" : "http")://\(authority)\(path)\(query.map { "?" + $0 } ?? "")"
    }

    /// The address below this one's path.
    func appending(_ suffix: String, query: String? = nil) -> WebAddress {
        let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
        return WebAddress(origin: origin, path: trimmed + suffix, query: query)
    }

    /// The same address with `more` after the parameters it has.
    func adding(query more: String) -> WebAddress {
        guard let query, !query.isEmpty else { return WebAddress(origin: origin, path: path, query: more) }
        return WebAddress(origin: origin, path: path, query: query + "&" + more)
    }

    /// Path and query of `other`, asked of this origin.
    func moved(to other: WebAddress) -> WebAddress {
        WebAddress(origin: origin, path: other.path, query: other.query)
    }

    /// What `location` means in an answer from here (RFC 3986 §5.2; dot segments are left for the server to judge).
    func resolving(_ location: String) -> WebAddress? {
        let scheme = origin.isSecure ? "https:" : "http:"
        let server = "\(scheme)//\(authority)"
        if location.hasPrefix("//") { return WebAddress(scheme + location) }
        if location.hasPrefix("/") { return WebAddress(server + location) }
        if location.hasPrefix("?") { return WebAddress(server + path + location) }
        let head = location.utf8.prefix { !"/?#".utf8.contains($0) }
        if head.contains(UInt8(ascii: ":")) { return WebAddress(location) }
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? "/"
        return location.isEmpty ? nil : WebAddress(server + folder + location)
    }

    private static func hostAndPort(_ authority: Substring) -> (String, Int?)? {
        guard !authority.utf8.contains(UInt8(ascii: "@")) else { return nil }
        let bracket = authority.utf8.lastIndex(of: UInt8(ascii: "]"))
        let tail = bracket.map { authority.utf8.index(after: $0) } ?? authority.startIndex
        let colon = authority.utf8[tail...].firstIndex(of: UInt8(ascii: ":"))
        let host = authority[..<(colon ?? authority.endIndex)].lowercased()
        guard InternetHost.isWellFormed(host) else { return nil }
        guard let colon else { return (host, nil) }
        let digits = authority[authority.utf8.index(after: colon)...]
        guard 1...5 ~= digits.utf8.count, digits.utf8.allSatisfy(isDigit), let port = Int(digits), 1...65535 ~= port
        else { return nil }
        return (host, port)
    }

    private static func pathAndQuery(_ rest: Substring) -> (path: String, query: String?) {
        let visible = rest.prefix { $0 != "#" }
        guard let mark = visible.firstIndex(of: "?") else { return (String(visible), nil) }
        return (String(visible[..<mark]), String(visible[visible.index(after: mark)...]))
    }
}

/// Printable ASCII but the backslash, which some parsers take for a slash.
private func isURLByte(_ byte: UInt8) -> Bool { 0x21..<0x7F ~= byte && byte != UInt8(ascii: "\\") }

func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
