internal import FoundationEssentials
internal import NIOHTTP1
internal import OCI

/// A request as the stand-in understands it.
struct HubRequest: Sendable {
    var method: String
    /// The Host header without the port, in lower case.
    var host: String
    /// Without the query.
    var path: String
    var query: [(name: String, value: String)]
    var headers: HTTPHeaders
    var body: [UInt8]
    var kind: EndpointKind
    var repository: String?
    /// Tag or digest; of signed URLs the digest they are for.
    var reference: String?

    init(head: HTTPRequestHead, body: [UInt8]) {
        method = head.method.rawValue
        headers = head.headers
        self.body = body
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts.first ?? "/")
        query = parts.count > 1 ? Self.form(parts[1]) : []
        let host = head.headers.first(name: "host") ?? ""
        self.host = String(host.split(separator: ":").first ?? "").lowercased()
        (kind, repository, reference) = Self.classify(path)
    }

    func header(_ name: String) -> String? { headers.first(name: name) }

    var isHead: Bool { method == "HEAD" }
    var digest: Digest? { reference.flatMap { try? Digest(parsing: $0) } }

    /// Scheme in lower case, and what follows it.
    var authorization: (scheme: String, value: String)? {
        guard let text = header("authorization") else { return nil }
        let parts = text.split(separator: " ", maxSplits: 1)
        return (parts.first.map { $0.lowercased() } ?? "", parts.count > 1 ? String(parts[1]) : "")
    }

    /// User name and password of Basic credentials.
    var basicCredentials: (user: String, password: String)? {
        guard let (scheme, value) = authorization, scheme == "basic", let data = Data(base64Encoded: value) else {
            return nil
        }
        let parts = String(decoding: data, as: UTF8.self).split(
            separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }

    private static func classify(_ path: String) -> (EndpointKind, String?, String?) {
        if path == "/token" { return (.token, nil, nil) }
        if path == "/v2/" || path == "/v2" { return (.ping, nil, nil) }
        let parts = path.split(separator: "/").map(String.init)
        if path.hasPrefix(SignedURLs.prefix), parts.count >= 3 {
            return (.cdn, nil, parts[parts.count - 4] + ":" + parts[parts.count - 2])
        }
        guard parts.first == "v2", parts.count >= 4 else { return (.other, nil, nil) }
        let repository = parts[1..<(parts.count - 2)].joined(separator: "/")
        let last = parts[parts.count - 1]
        switch parts[parts.count - 2] {
        case "manifests": return (.manifest, repository, last)
        case "blobs": return (.blob, repository, last)
        case "referrers": return (.referrers, repository, last)
        case "tags" where last == "list": return (.tags, repository, nil)
        default: return (.other, nil, nil)
        }
    }

    /// The names and values of a query or a form.
    static func form(_ text: some StringProtocol) -> [(name: String, value: String)] {
        text.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (decode(parts[0]), parts.count > 1 ? decode(parts[1]) : "")
        }
    }

    private static func decode(_ text: some StringProtocol) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == UInt8(ascii: "%"), digits.utf8.count == 2, let value = UInt8(digits, radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
