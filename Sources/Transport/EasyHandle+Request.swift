internal import CCurl
internal import Glibc

/// Whether libcurl knows a directory of the system's authorities, and the system has it.
private let hasAuthorityDirectory =
    curl_version_info(CURLVERSION_ELEVENTH)?.pointee.capath.map { access($0, R_OK | X_OK) == 0 } ?? false

/// Bytes libcurl reads from a socket at once. Against its default of 16 KiB this is worth a third of the time of a fast
/// transfer.
private let readSize = 512 << 10

extension EasyHandle {
    /// Sets everything about `request` but the callbacks. The lists returned must live until the handle is reset.
    func configure(_ request: HTTPRequest, userAgent: String) throws(TransportError) -> [CurlList] {
        try keepDetail()
        try setRules()
        try set(CURLOPT_URL, request.url)
        try setVerb(request)
        try setConnection(request.options)
        try setTrust(request.options)
        try setTimes(request.options)
        var lists = [try fields(of: request, userAgent: userAgent)]
        try set(CURLOPT_HTTPHEADER, lists[0])
        if !request.options.resolve.isEmpty {
            guard request.options.resolve.allSatisfy({ isFieldValue($0.utf8) }) else {
                throw .invalidRequest(reason: "a fixed address holds a control character")
            }
            lists.append(try CurlList(request.options.resolve))
            try set(CURLOPT_RESOLVE, lists[1])
        }
        return lists
    }

    /// What holds for every request.
    private func setRules() throws(TransportError) {
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        try set(CURLOPT_FOLLOWLOCATION, false)
        try set(CURLOPT_DISALLOW_USERNAME_IN_URL, true)
        try set(CURLOPT_PATH_AS_IS, true)  // a signature may cover the path as it is spelt
        try set(CURLOPT_NOSIGNAL, true)
        try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, true)  // a proxy's own reply is not the answer
        try set(CURLOPT_BUFFERSIZE, readSize)
        try set(CURLOPT_TCP_KEEPALIVE, true)
    }

    private func setVerb(_ request: HTTPRequest) throws(TransportError) {
        let method = request.method
        guard isToken(method.text.utf8) else { throw .invalidRequest(reason: "its method is no word") }
        if method == .head {
            try set(CURLOPT_NOBODY, true)
            return
        }
        if let file = request.file { return try file.attach(to: self) }
        if request.body != nil || method == .post || method == .put {
            try set(CURLOPT_POST, true)
            try send(request.body ?? [])
        }
        if method != .get || request.body != nil { try set(CURLOPT_CUSTOMREQUEST, method.text) }
    }

    private func setConnection(_ options: ConnectionOptions) throws(TransportError) {
        let version = options.allowHTTP2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1
        try set(CURLOPT_HTTP_VERSION, Int(version))
        if let path = options.unixSocket {
            try set(CURLOPT_UNIX_SOCKET_PATH, path)
            try set(CURLOPT_PROXY, "")
        } else if let proxy = options.proxy {
            try set(CURLOPT_PROXY, proxy)
        }
    }

    /// The system's authorities are looked up one by one in libcurl's directory of them where there is one: reading the
    /// whole bundle costs 20 ms of CPU for each connection (measured, OpenSSL 3.0), and a bundle given beside the
    /// directory adds to it.
    private func setTrust(_ options: ConnectionOptions) throws(TransportError) {
        if let file = options.caFile {
            try set(CURLOPT_CAINFO, file)
        } else if hasAuthorityDirectory {
            try clear(CURLOPT_CAINFO)
        }
        if let certificate = options.clientCertificate { try set(CURLOPT_SSLCERT, certificate) }
        if let key = options.clientKey { try set(CURLOPT_SSLKEY, key) }
        if options.insecure {
            try set(CURLOPT_SSL_VERIFYPEER, 0)
            try set(CURLOPT_SSL_VERIFYHOST, 0)
        } else {
            try set(CURLOPT_SSL_VERIFYPEER, 1)
            try set(CURLOPT_SSL_VERIFYHOST, 2)
            try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        }
    }

    private func setTimes(_ options: ConnectionOptions) throws(TransportError) {
        try set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connectTimeout))
        if let total = options.total { try set(CURLOPT_TIMEOUT_MS, milliseconds(total)) }
        if options.lowSpeedTime > .zero && options.lowSpeedBytesPerSecond > 0 {
            try set(CURLOPT_LOW_SPEED_TIME, (milliseconds(options.lowSpeedTime) + 999) / 1000)
            try set(CURLOPT_LOW_SPEED_LIMIT, options.lowSpeedBytesPerSecond)
        }
    }

    private func fields(of request: HTTPRequest, userAgent: String) throws(TransportError) -> CurlList {
        // Without a value these two would be added by libcurl: a wait for "100 Continue" and a form's content type.
        var lines = ["Expect:"]
        if request.headers.first("Content-Type") == nil { lines.append("Content-Type:") }
        if request.headers.first("User-Agent") == nil { try set(CURLOPT_USERAGENT, userAgent) }
        if request.file != nil { lines.append("Transfer-Encoding: chunked") }
        for (name, value) in request.headers.fields {
            guard isToken(name.utf8), isFieldValue(value.utf8) else {
                throw .invalidRequest(reason: "one of its headers is malformed")
            }
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        return try CurlList(lines)
    }
}

/// At least 1, for 0 would mean libcurl's own default; at most a month, which fits every libcurl's `long`.
private func milliseconds(_ duration: Duration) -> Int {
    let bounded = min(max(duration, .milliseconds(1)), .seconds(2_000_000))
    let (seconds, attoseconds) = bounded.components
    return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
}
