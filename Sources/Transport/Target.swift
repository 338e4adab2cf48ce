internal import CCurl

/// Where a request goes, as libcurl itself will read its URL: what is checked and what is asked cannot differ.
struct Target {
    /// The other side as error sentences name it: host, and port where it is not the scheme's; or the socket's path.
    let display: String

    /// - Throws: ``TransportError/invalidRequest(reason:)`` for anything but an http or https URL without credentials.
    init(_ request: HTTPRequest) throws(TransportError) {
        guard let parts = curl_url() else { throw .internalFailure(reason: "out of memory") }
        defer { curl_url_cleanup(parts) }
        guard !request.url.utf8.contains(0), curl_url_set(parts, CURLUPART_URL, request.url, 0) == CURLUE_OK else {
            throw .invalidRequest(reason: "its URL is malformed")
        }
        guard let scheme = part(CURLUPART_SCHEME, of: parts), scheme == "http" || scheme == "https" else {
            throw .invalidRequest(reason: "its URL is neither http nor https")
        }
        guard part(CURLUPART_USER, of: parts) == nil, part(CURLUPART_PASSWORD, of: parts) == nil else {
            throw .invalidRequest(reason: "its URL holds credentials, which belong in a header")
        }
        guard let host = part(CURLUPART_HOST, of: parts) else {
            throw .invalidRequest(reason: "its URL names no host")
        }
        let port = part(CURLUPART_PORT, of: parts, flags: UInt32(CURLU_NO_DEFAULT_PORT)).map { ":" + $0 } ?? ""
        display = request.options.unixSocket.map { "the socket \($0)" } ?? host + port
    }

    /// The name of the other side for a sentence, whether or not the URL is any good.
    static func display(of request: HTTPRequest) -> String {
        do {
            return try Target(request).display
        } catch {
            return "the server"
        }
    }
}

private func part(_ part: CURLUPart, of parts: OpaquePointer, flags: UInt32 = 0) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(parts, part, &text, flags) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
}
