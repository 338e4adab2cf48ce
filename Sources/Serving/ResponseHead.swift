internal import NIOCore

/// How the body of a response is delimited.
enum ResponseFraming: Equatable {
    /// No body, whatever the headers say: HEAD, 204, 304.
    case none
    case length(Int64)
    case chunked
    /// HTTP/1.0 and no length: the end of the connection is the end of the body.
    case untilClose
}

/// Writes the head of a response.
struct ResponseHead {
    let response: ServerResponse
    let framing: ResponseFraming
    /// What the `Content-Length` field says; beside `framing` because HEAD tells the length of a body it does not send.
    let announced: Int64?
    let close: Bool
    let minorVersion: Int

    /// Decides the framing of a response to a request.
    init(_ response: ServerResponse, to head: RequestHead, close: Bool) {
        self.response = response
        minorVersion = head.minorVersion
        let declared = ResponseHead.declaredLength(response)
        let bodiless = response.status == 204 || response.status == 304 || response.status < 200
        let framing: ResponseFraming
        switch response.body {
        case .none: framing = .length(0)
        case .bytes(let bytes): framing = .length(Int64(bytes.count))
        case .file(_, _, let length, _): framing = .length(length)
        case .stream: framing = declared.map { .length($0) } ?? (head.minorVersion == 0 ? .untilClose : .chunked)
        }
        let isHead = head.method == "HEAD"
        if bodiless {
            announced = nil
        } else if isHead, case .none = response.body, let declared {
            announced = declared
        } else if case .length(let length) = framing {
            announced = length
        } else {
            announced = nil
        }
        self.framing = bodiless || isHead ? .none : framing
        announcesChunks = !bodiless && framing == .chunked
        self.close = close || self.framing == .untilClose
    }

    private let announcesChunks: Bool

    /// Appends the head, up to and with its empty line.
    func write(to buffer: inout ByteBuffer, date: String) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(String(response.status))
        buffer.writeStaticString(" ")
        writeSafely(response.reason ?? reasonPhrase(response.status), to: &buffer)
        buffer.writeStaticString("\r\nDate: ")
        buffer.writeString(date)
        buffer.writeStaticString("\r\n")
        for (name, value) in response.headers.fields where !isOurs(name) {
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            writeSafely(value, to: &buffer)
            buffer.writeStaticString("\r\n")
        }
        if let announced {
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(announced))
            buffer.writeStaticString("\r\n")
        } else if announcesChunks {
            buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        }
        if close {
            buffer.writeStaticString("Connection: close\r\n")
        } else if minorVersion == 0 {
            buffer.writeStaticString("Connection: keep-alive\r\n")
        }
        buffer.writeStaticString("\r\n")
    }

    /// A header value may repeat what a client sent; a line end in it would begin a field, or a response, of the
    /// client's.
    private func writeSafely(_ text: String, to buffer: inout ByteBuffer) {
        let isUnsafe = { (byte: UInt8) in byte < UInt8(ascii: " ") && byte != UInt8(ascii: "\t") || byte == 0x7f }
        if text.utf8.contains(where: isUnsafe) {
            buffer.writeBytes(text.utf8.map { isUnsafe($0) ? UInt8(ascii: " ") : $0 })
        } else {
            buffer.writeString(text)
        }
    }

    private func isOurs(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4: sameName(name, "date")
        case 10: sameName(name, "connection")
        case 14: sameName(name, "content-length")
        case 17: sameName(name, "transfer-encoding")
        default: false
        }
    }

    private static func declaredLength(_ response: ServerResponse) -> Int64? {
        guard let length = response.headers.first("content-length").flatMap({ Int64($0) }), length >= 0 else {
            return nil
        }
        return length
    }
}

/// The phrase RFC 9110 (15) gives a status.
func reasonPhrase(_ status: Int) -> String {
    switch status {
    case 100: "Continue"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: "Status \(status)"
    }
}
