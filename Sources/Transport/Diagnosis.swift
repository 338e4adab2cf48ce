internal import CCurl
internal import Glibc

extension Transfer {
    /// How the transfer ended, libcurl having said `code`: the head, or what is to be thrown.
    func outcome(_ code: CURLcode) -> Result<HTTPResponseHead, any Error> {
        if let failure { return .failure(failure) }
        guard code == CURLE_OK else { return .failure(diagnosis(code)) }
        guard let head else { return .failure(broken("it ended before its head was complete")) }
        if let expected = expectedLength(head), received != expected {
            return .failure(broken("its body has \(received) bytes, announced were \(expected)"))
        }
        return .success(head)
    }

    /// The body's length as far as the head binds it.
    private func expectedLength(_ head: HTTPResponseHead) -> Int64? {
        request.method == .head || head.status == 204 || head.status == 304 ? nil : head.contentLength
    }

    private func broken(_ reason: String) -> TransportError {
        .brokenReply(host: target.display, reason: reason)
    }

    private func diagnosis(_ code: CURLcode) -> TransportError {
        let host = target.display
        switch code {
        case CURLE_URL_MALFORMAT:
            return .invalidRequest(reason: "its URL is malformed")
        case CURLE_COULDNT_RESOLVE_HOST:
            return .unreachable(host: host, reason: "its name could not be resolved")
        case CURLE_COULDNT_RESOLVE_PROXY:
            return .unreachable(host: host, reason: "the proxy's name could not be resolved")
        case CURLE_COULDNT_CONNECT:
            return .unreachable(host: host, reason: connectReason)
        case CURLE_PROXY:
            return .unreachable(host: host, reason: "the proxy refused to connect to it")
        case CURLE_OPERATION_TIMEDOUT:
            return .timedOut(host: host, reason: timeReason)
        case CURLE_OUT_OF_MEMORY where head == nil && handle.offset(CURLINFO_PRETRANSFER_TIME_T) > 0:
            // Said of a line beyond libcurl's own limit of 100 KB as well, and far more often.
            return broken("a line of its head is too long")
        case CURLE_OUT_OF_MEMORY:
            return .internalFailure(reason: "out of memory")
        default:
            return trustDiagnosis(code) ?? replyDiagnosis(code)
        }
    }

    private func trustDiagnosis(_ code: CURLcode) -> TransportError? {
        let host = target.display
        switch code {
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR:
            return .untrusted(host: host, reason: trustReason)
        case CURLE_SSL_CONNECT_ERROR:
            return .unreachable(host: host, reason: "the TLS handshake failed; does it speak https there?")
        case CURLE_SSL_CACERT_BADFILE:
            let file = request.options.caFile ?? "of the system"
            return .misconfigured(host: host, reason: "the file of authorities \(file) cannot be read as PEM")
        case CURLE_SSL_CERTPROBLEM:
            let file = request.options.clientCertificate ?? ""
            return .misconfigured(host: host, reason: "the client certificate \(file) or its key cannot be used")
        default:
            return nil
        }
    }

    private func replyDiagnosis(_ code: CURLcode) -> TransportError {
        let host = target.display
        switch code {
        case CURLE_PARTIAL_FILE:
            let announced = head?.contentLength.map { " of \($0)" } ?? ""
            return broken("its body ended after \(received)\(announced) bytes")
        case CURLE_RECV_ERROR where handle.detail.contains("chunked-encoding"):
            // Malformed chunks have no code of their own.
            return broken("its chunks are malformed")
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
            return broken("it is not HTTP as it should be")
        case CURLE_HTTP2, CURLE_HTTP2_STREAM:
            return .interrupted(host: host, reason: "the HTTP/2 stream failed after \(received) bytes")
        case CURLE_GOT_NOTHING:
            return .interrupted(host: host, reason: "it was closed without an answer")
        case CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_SSL_SHUTDOWN_FAILED:
            let proxyStatus = handle.long(CURLINFO_HTTP_CONNECTCODE)
            if head == nil && proxyStatus >= 300 {
                return .unreachable(host: host, reason: "the proxy answered \(proxyStatus)")
            }
            return .interrupted(host: host, reason: "\(systemReason ?? "it failed") after \(received) bytes")
        default:
            // A head or body outside the grammar has many codes (bad chunks, coding, overlong lines).
            return broken("libcurl gave it up: \(String(cString: curl_easy_strerror(code)))")
        }
    }

    private var systemReason: String? {
        switch Int32(truncatingIfNeeded: handle.long(CURLINFO_OS_ERRNO)) {
        case 0: nil
        case ECONNREFUSED: "connection refused"
        case ECONNRESET, EPIPE: "connection reset"
        case ENOENT: "no such socket"
        case EACCES, EPERM: "permission denied"
        case ENETUNREACH, EHOSTUNREACH: "no route to it"
        case ETIMEDOUT: "no answer to the connection attempt"
        case EMFILE, ENFILE: "too many open files"
        case let number: String(cString: strerror(number))
        }
    }

    private var connectReason: String {
        refusedAddress ?? systemReason ?? "the connection attempt failed"
    }

    private var timeReason: String {
        let options = request.options
        if let total = options.total, .microseconds(handle.offset(CURLINFO_TOTAL_TIME_T)) >= total {
            return "not complete within \(spoken(total))"
        }
        guard handle.offset(CURLINFO_PRETRANSFER_TIME_T) > 0 else {
            return "no connection within \(spoken(options.connectTimeout))"
        }
        return "stalled below \(options.lowSpeedBytesPerSecond) B/s for \(spoken(options.lowSpeedTime))"
    }

    private var trustReason: String {
        switch handle.long(CURLINFO_SSL_VERIFYRESULT) {
        case 9: "its certificate is not valid yet; is this machine's clock right?"
        case 10: "its certificate has expired"
        case 18, 19, 20, 21:
            "its certificate is signed by an authority that is not trusted here; set `ca` for this registry"
        case 23: "its certificate has been revoked"
        case 0, 1: "its certificate is for another name"  // a name is judged before OpenSSL's result is taken over
        case let result: "its certificate was refused (OpenSSL's verify code \(result))"
        }
    }
}

private func spoken(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    return attoseconds == 0 ? "\(seconds) s" : "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000) ms"
}
