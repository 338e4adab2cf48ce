internal import NIOHTTP1
internal import OCI

/// How a connection is ended by the server.
public enum ConnectionEnd: Sendable {
    /// In order: close_notify under TLS, then FIN.
    case fin
    /// FIN without close_notify: an attacker's, or a crashed server's.
    case bareFIN
    /// RST.
    case reset
}

/// What happens when delivery has come to a place in the body.
struct Incident: Sendable {
    enum Kind: Sendable {
        case end(ConnectionEnd)
        /// Nothing more, until the client leaves.
        case stall
        case hold(Gate)
        /// These bytes instead of the rest, then the end.
        case garbage([UInt8])
    }

    /// Body bytes sent before it happens.
    var after: Int64
    var kind: Kind
}

/// An answer about to be delivered, well or badly.
struct Answer: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var source: any BlobSource
    /// The part of `source` that is the body.
    var range: Range<Int64>
    /// HEAD: the headers tell of a body that is not sent.
    var sendsBody = true
    /// The Content-Length; `nil` is chunked.
    var announcedLength: Int64?
    /// Before the first byte of the answer.
    var delay: Duration = .zero
    /// Not even a status line.
    var isSilent: ConnectionEnd?
    var incident: Incident?
    /// In place of everything else.
    var raw: RawAnswer?
    /// Bytes at a time, and what passes between.
    var drip: (bytes: Int, every: Duration)?
    var endsConnection = false

    init(_ status: Int, _ headers: [(String, String)] = [], source: any BlobSource, range: Range<Int64>? = nil) {
        self.status = status
        self.headers = HTTPHeaders(headers)
        self.source = source
        self.range = range ?? 0..<source.size
        announcedLength = Int64(self.range.count)
    }

    init(_ status: Int, _ headers: [(String, String)] = [], text: String = "") {
        self.init(status, headers, source: BytesSource(text))
    }

    init(_ status: Int, _ headers: [(String, String)] = [], json: JSON) {
        let all = [("Content-Type", "application/json; charset=utf-8")] + headers
        self.init(status, all, source: BytesSource(json.serialized() + [UInt8(ascii: "\n")]))
    }

    /// Replaces the body by `bytes`, announced as they are.
    mutating func setBody(_ bytes: [UInt8]) {
        source = BytesSource(bytes)
        range = 0..<Int64(bytes.count)
        announcedLength = Int64(bytes.count)
    }

    /// An error as registries tell it (distribution-spec v1.1.1, "Error Codes").
    static func error(
        _ status: Int, _ code: String, _ message: String, detail: JSON? = nil, _ headers: [(String, String)] = []
    ) -> Answer {
        var members = [JSON.Member("code", .string(code)), JSON.Member("message", .string(message))]
        if let detail { members.append(JSON.Member("detail", detail)) }
        return Answer(status, headers, json: ["errors": [.object(members)]])
    }

    /// An error as object stores and CDNs tell it.
    static func xml(_ status: Int, _ code: String, _ message: String) -> Answer {
        let text =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>\(code)</Code>"
            + "<Message>\(message)</Message><RequestId>STANDIN0</RequestId></Error>"
        return Answer(status, [("Content-Type", "application/xml"), ("Server", "AmazonS3")], text: text)
    }
}
