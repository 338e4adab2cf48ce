/// Header fields in their order. Names compare without regard to ASCII case (RFC 9110 §5.1).
public struct HTTPHeaders: Sendable, Equatable {
    /// The fields as they were added or received.
    public private(set) var fields: [(name: String, value: String)]

    /// Makes headers of `fields`, order kept.
    public init(_ fields: [(String, String)] = []) {
        self.fields = fields.map { (name: $0.0, value: $0.1) }
    }

    /// The first value of `name`.
    public func first(_ name: String) -> String? {
        fields.first { sameName($0.name, name) }?.value
    }

    /// Every value of `name`, one for each line.
    public func all(_ name: String) -> [String] {
        fields.filter { sameName($0.name, name) }.map(\.value)
    }

    /// Appends a line, keeping others of the same name.
    public mutating func add(_ name: String, _ value: String) {
        fields.append((name: name, value: value))
    }

    /// Replaces every line of `name` by this one.
    public mutating func set(_ name: String, _ value: String) {
        remove(name)
        add(name, value)
    }

    /// Drops every line of `name`.
    public mutating func remove(_ name: String) {
        fields.removeAll { sameName($0.name, name) }
    }

    public static func == (left: HTTPHeaders, right: HTTPHeaders) -> Bool {
        left.fields.elementsEqual(right.fields) { $0.name == $1.name && $0.value == $1.value }
    }
}

private func sameName(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8) { lowerCase($0) == lowerCase($1) }
}

func lowerCase(_ byte: UInt8) -> UInt8 {
    UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
}

/// A request method (RFC 9110 §9).
public struct HTTPMethod: Sendable, Hashable {
    /// As it is sent.
    public let text: String

    /// Makes a method of its name, which is case-sensitive.
    public init(_ text: String) { self.text = text }

    /// Asks for a representation.
    public static let get = HTTPMethod("GET")
    /// Asks for the head that GET would give.
    public static let head = HTTPMethod("HEAD")
    /// Hands over a body to be processed.
    public static let post = HTTPMethod("POST")
    /// Hands over a body to be stored.
    public static let put = HTTPMethod("PUT")
    /// Asks for removal.
    public static let delete = HTTPMethod("DELETE")
}

/// One question to one URL.
public struct HTTPRequest: Sendable {
    /// What to do with the resource.
    public var method: HTTPMethod
    /// An absolute http or https URL, percent-encoded, without credentials. Sent as it is: dot segments are kept.
    public var url: String
    /// Sent in this order. `User-Agent` is the client's unless it is given here; `Accept-Encoding` is never added.
    public var headers: HTTPHeaders
    /// The body. `nil` sends none; POST and PUT then send a length of 0.
    public var body: [UInt8]?
    /// A body that is read as it is sent, in place of ``body``; for POST.
    public var file: FileBody?
    /// Where and how to connect.
    public var options: ConnectionOptions

    /// Makes a request, by default a GET over a connection with the default options.
    public init(
        method: HTTPMethod = .get, url: String, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8]? = nil,
        options: ConnectionOptions = ConnectionOptions()
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.options = options
    }
}

/// What came before the body.
public struct HTTPResponseHead: Sendable, Equatable {
    /// The status code, 200 to 999.
    public var status: Int
    /// The fields as they were received, trailers left out.
    public var headers: HTTPHeaders
    /// "1.0", "1.1" or "2".
    public var httpVersion: String
    /// Whether it came from this machine or one of its private networks; of a proxied request, whether the proxy is
    /// there.
    public var isFromInside = false

    /// Makes a head.
    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(), httpVersion: String = "1.1") {
        self.status = status
        self.headers = headers
        self.httpVersion = httpVersion
    }

    /// The body's length in bytes as announced; `nil` when the head names none or contradicts itself. Where it is `nil`
    /// and the body is not chunked, the end of the connection is all that tells the end of the body: the caller has to
    /// count. The answer to HEAD announces the length that GET would have.
    public var contentLength: Int64? {
        let values = Set(headers.all("Content-Length").map(parseLength))
        return values.count == 1 ? values.first ?? nil : nil
    }
}

/// A length in decimal digits and nothing else (RFC 9110 §8.6): no sign, no list, nothing beyond `Int64`.
func parseLength(_ text: String) -> Int64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
    return Int64(text)
}
