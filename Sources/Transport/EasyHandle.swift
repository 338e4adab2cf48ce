internal import CCurl

/// One libcurl easy handle. Used on the curl thread; an idle one may be freed on any, with the client that kept it.
final class EasyHandle {
    /// INVARIANT: points to a live handle as long as this object lives; freed in `deinit` alone, when the handle is in
    /// no multi handle any more (`CurlClient.finish` removed it).
    let raw: UnsafeMutableRawPointer
    private let message: UnsafeMutablePointer<CChar>

    init?() {
        guard let raw = curl_easy_init() else { return nil }
        self.raw = raw
        message = .allocate(capacity: Int(CURL_ERROR_SIZE))
        message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(raw)
        message.deallocate()
    }

    /// Forgets all options; the TLS sessions stay for the next use.
    func reset() {
        curl_easy_reset(raw)
        message.pointee = 0
    }

    /// What libcurl wrote about the last failure. May name files and addresses; not for every ear.
    var detail: String { String(cString: message) }

    func keepDetail() throws(TransportError) {
        try check(ccurl_set_pointer(raw, CURLOPT_ERRORBUFFER, message))
    }

    func set(_ option: CURLoption, _ value: Int) throws(TransportError) {
        try check(ccurl_set_long(raw, option, value))
    }

    func set(_ option: CURLoption, _ value: Bool) throws(TransportError) {
        try set(option, value ? 1 : 0)
    }

    func set(_ option: CURLoption, _ value: String) throws(TransportError) {
        guard !value.utf8.contains(0) else { throw .invalidRequest(reason: "a setting holds a NUL byte") }
        try check(ccurl_set_string(raw, option, value))
    }

    func clear(_ option: CURLoption) throws(TransportError) {
        try check(ccurl_set_string(raw, option, nil))
    }

    func set(_ option: CURLoption, _ value: CurlList) throws(TransportError) {
        try check(ccurl_set_list(raw, option, value.head))
    }

    func set(_ option: CURLoption, pointer: UnsafeMutableRawPointer?) throws(TransportError) {
        try check(ccurl_set_pointer(raw, option, pointer))
    }

    func set(_ option: CURLoption, call: @escaping curl_write_callback) throws(TransportError) {
        try check(ccurl_set_write_callback(raw, option, call))
    }

    func set(_ option: CURLoption, openSocket: @escaping curl_opensocket_callback) throws(TransportError) {
        try check(ccurl_set_socket_callback(raw, option, openSocket))
    }

    /// Hands libcurl a copy of `body` to send.
    func send(_ body: [UInt8]) throws(TransportError) {
        try check(ccurl_set_offset(raw, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)))
        let copied = body.withUnsafeBytes { bytes in
            bytes.isEmpty
                ? ccurl_set_string(raw, CURLOPT_COPYPOSTFIELDS, "")
                : ccurl_set_pointer(raw, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
        }
        try check(copied)
    }

    func long(_ info: CURLINFO) -> Int {
        var value = 0
        return ccurl_get_long(raw, info, &value) == CURLE_OK ? value : 0
    }

    func offset(_ info: CURLINFO) -> Int64 {
        var value: curl_off_t = 0
        return ccurl_get_offset(raw, info, &value) == CURLE_OK ? Int64(value) : 0
    }

    private func check(_ code: CURLcode) throws(TransportError) {
        guard code != CURLE_OK else { return }
        throw .internalFailure(reason: "libcurl refused a setting: \(String(cString: curl_easy_strerror(code)))")
    }
}

/// A list of lines that libcurl reads while a transfer runs.
final class CurlList {
    /// INVARIANT: the list's first node or nil; freed in `deinit` alone, after the handle it was given to was reset.
    private(set) var head: UnsafeMutablePointer<curl_slist>?

    init(_ lines: [String]) throws(TransportError) {
        for line in lines {
            guard let longer = curl_slist_append(head, line) else { throw .internalFailure(reason: "out of memory") }
            head = longer
        }
    }

    deinit { curl_slist_free_all(head) }
}
