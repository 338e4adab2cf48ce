/// What a request's first lines say, checked.
struct RequestHead: Equatable {
    var method = ""
    var target = ""
    /// Of HTTP/1: 0 or 1; a later minor version is read as 1 (RFC 9110, 2.5).
    var minorVersion = 1
    var headers = ServerHeaders()
    var body = BodyFraming.none
    /// The client lets the connection live on.
    var keepAlive = true
    /// The client waits for `100 Continue` before it sends the body.
    var expectsContinue = false
}

/// How a body is delimited.
enum BodyFraming: Equatable {
    case none
    case length(Int64)
    case chunked
}

/// A request that is answered without asking the handler, by a status and one sentence; the connection is closed after.
struct Refusal: Error, Equatable {
    let status: Int
    let message: String
    init(_ status: Int, _ message: String) {
        self.status = status
        self.message = message
    }
}

/// The fields that decide how the rest of the connection is read. Whatever two programs might read differently is
/// refused: it is how requests are smuggled past one of them (RFC 9112, 6.3 and 11.2).
struct HeadFields {
    private var hosts = 0
    private var length: Int64?
    private var chunked = false
    private var close = false
    private var keepAlive = false
    private var expectsContinue = false

    mutating func take(_ name: String, _ value: String) throws(Refusal) {
        switch name.utf8.count {
        case 4 where sameName(name, "host"): hosts += 1
        case 6 where sameName(name, "expect"):
            guard sameName(value, "100-continue") else { throw Refusal(417, "unknown expectation") }
            expectsContinue = true
        case 10 where sameName(name, "connection"): takeConnection(value)
        case 14 where sameName(name, "content-length"): try takeLength(value)
        case 17 where sameName(name, "transfer-encoding"):
            guard sameName(value, "chunked") else { throw Refusal(501, "unknown transfer encoding") }
            guard !chunked else { throw Refusal(400, "more than one Transfer-Encoding") }
            chunked = true
        default: break
        }
    }

    /// Settles what the fields mean together.
    func settle(_ head: inout RequestHead) throws(Refusal) {
        guard hosts <= 1 else { throw Refusal(400, "more than one Host") }
        guard hosts == 1 || head.minorVersion == 0 else { throw Refusal(400, "no Host") }
        guard !chunked || length == nil else { throw Refusal(400, "Content-Length beside Transfer-Encoding") }
        guard !chunked || head.minorVersion > 0 else { throw Refusal(400, "Transfer-Encoding in HTTP/1.0") }
        head.body = chunked ? .chunked : length.map { $0 == 0 ? .none : .length($0) } ?? .none
        head.keepAlive = !close && (head.minorVersion > 0 || keepAlive)
        head.expectsContinue = expectsContinue && head.minorVersion > 0 && head.body != .none
    }

    private mutating func takeConnection(_ value: String) {
        for option in value.utf8.split(separator: UInt8(ascii: ",")) {
            let option = String(Substring(option.drop { $0 == UInt8(ascii: " ") }))
            close = close || sameName(option, "close")
            keepAlive = keepAlive || sameName(option, "keep-alive")
        }
    }

    private mutating func takeLength(_ value: String) throws(Refusal) {
        guard length == nil else { throw Refusal(400, "more than one Content-Length") }
        // Digits alone: Int64's own parser would take a sign.
        guard !value.isEmpty, value.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
            let number = Int64(value)
        else { throw Refusal(400, "Content-Length is not a number of bytes") }
        length = number
    }
}
