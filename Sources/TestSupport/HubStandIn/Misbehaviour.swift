public import OCI

/// One way in which an answer is not what it should be.
public enum Misbehaviour: Sendable {
    /// Another answer altogether.
    case status(Int, headers: [(String, String)] = [], body: String = "")
    /// A redirect to this URL.
    case redirect(to: String, status: Int = 307)
    /// No answer; the connection ends.
    case silence(ConnectionEnd)
    /// The body ends after so many bytes, and the connection with it.
    case cut(after: Int64, ConnectionEnd = .fin)
    /// The body stops after so many bytes; the connection stays until the client leaves.
    case stall(after: Int64)
    /// The body stops after so many bytes, until somebody opens the gate. Before the head when `after` is negative.
    case hold(Gate, after: Int64 = -1)
    /// After so many bytes of the body come these, then the end: an error text in a blob.
    case garbage(after: Int64, String)
    /// The body comes so many bytes at a time.
    case drip(bytes: Int, every: Duration)
    /// So much time passes before the answer.
    case delay(Duration)
    /// The byte at this place of the whole blob or document is another one.
    case flipByte(at: Int64)
    /// Content-Length says so many bytes more than come (negative: fewer); the connection ends after the body.
    case claimLength(by: Int64)
    /// The body is so many bytes longer, with zeros at its end (negative: shorter), and Content-Length says so.
    case resize(by: Int64)
    /// The document is padded with spaces at its end to this length, and stays well-formed.
    case oversize(to: Int64)
    /// Other bytes with the same status and headers, and the right length.
    case body([UInt8])
    /// The Docker-Content-Digest header says this; `nil` is without it.
    case digestHeader(String?)
    /// A header has another value; `nil` is without it.
    case header(String, String?)
    /// A header is there once more.
    case addHeader(String, String)
    /// Ranges are not honoured: 200 and everything.
    case ignoreRange
    /// The body of a ranged answer begins so many bytes later (negative: earlier) than asked. Content-Range says so,
    /// or says what was asked for.
    case shiftRange(by: Int64, admitted: Bool = true)
    /// No Content-Length: chunked.
    case chunked
    /// A part is answered as one of several: 206 with a body of `multipart/byteranges`.
    case multipart
    /// These bytes in place of an answer, as they are: heads and framing that no library would send.
    case raw(RawAnswer)
    /// The body is compressed and Content-Encoding says so. For documents and small blobs.
    case gzipEncoded

    /// The token server is out of order.
    public static let tokenFailure = Misbehaviour.status(503, body: "upstream connect error")
    /// Docker Hub's answer to an abuse limit: no JSON, and seconds to wait.
    public static let abuseLimit = Misbehaviour.status(
        429, headers: [("Content-Type", "text/plain"), ("Retry-After", "60"), ("Cache-Control", "no-cache")],
        body: "Too Many Requests (HAP429).\n")
}

/// An answer byte for byte.
public struct RawAnswer: Sendable {
    public var bytes: [UInt8]
    /// How often `again` comes after them, until the client has left: floods.
    public var again: [UInt8] = []
    public var times = 0
    /// The bytes come so many at a time, with a pause after each.
    public var drip: (bytes: Int, every: Duration)?
    public var end = ConnectionEnd.fin

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    public init(_ text: String) { bytes = Array(text.utf8) }

    /// `bytes`, then `again` so many times.
    public init(_ text: String, flood again: String, times: Int) {
        bytes = Array(text.utf8)
        self.again = Array(again.utf8)
        self.times = times
    }
}

/// Which requests a rule is for; what is `nil` fits all.
public struct RequestMatcher: Sendable {
    public var kind: EndpointKind?
    public var method: String?
    public var repository: String?
    /// Tag or digest as asked for; of signed URLs the digest.
    public var reference: String?
    /// Whether the request has a Range header.
    public var ranged: Bool?

    public init(
        _ kind: EndpointKind? = nil, method: String? = nil, repository: String? = nil, reference: String? = nil,
        ranged: Bool? = nil
    ) {
        self.kind = kind
        self.method = method
        self.repository = repository
        self.reference = reference
        self.ranged = ranged
    }

    /// Everything.
    public static let any = RequestMatcher()
    /// Token requests.
    public static let token = RequestMatcher(.token)
    /// The blob at its signed URL; `nil` is every blob.
    public static func cdn(_ digest: Digest? = nil) -> RequestMatcher {
        RequestMatcher(.cdn, reference: digest?.description)
    }
    /// The blob at the registry, before any redirect.
    public static func blob(_ digest: Digest? = nil) -> RequestMatcher {
        RequestMatcher(.blob, reference: digest?.description)
    }
    /// The manifest as it is asked for, by tag or digest.
    public static func manifest(_ reference: String? = nil, method: String? = nil) -> RequestMatcher {
        RequestMatcher(.manifest, method: method, reference: reference)
    }

    func matches(_ request: HubRequest) -> Bool {
        (kind == nil || kind == request.kind) && (method == nil || method == request.method)
            && (repository == nil || repository == request.repository)
            && (reference == nil || reference == request.reference)
            && (ranged == nil || ranged == (request.header("range") != nil))
    }
}

/// Which of the requests that a rule is for.
public enum Occurrence: Sendable {
    case always
    case first
    /// The nth, counted from 1.
    case nth(Int)
    /// The first so many.
    case times(Int)
    /// All after the first so many.
    case after(Int)

    func includes(_ number: Int) -> Bool {
        switch self {
        case .always: true
        case .first: number == 1
        case .nth(let wanted): number == wanted
        case .times(let count): number <= count
        case .after(let count): number > count
        }
    }
}
