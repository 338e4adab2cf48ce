internal import NIOCore

private let carriageReturn = UInt8(ascii: "\r")
private let lineFeed = UInt8(ascii: "\n")
private let space = UInt8(ascii: " ")
private let tab = UInt8(ascii: "\t")

/// Reads the head of a request off a buffer that fills piece by piece; every byte is looked for its line end once.
///
/// Ours and not `NIOHTTP1`'s decoder: that one reads pipelined requests ahead without a bound, stops for ever after an
/// `Upgrade` it was not asked to follow, and cannot tell a line too long (414) from fields too many (431).
struct RequestHeadParser {
    private let limits: ServerLimits
    private var lines: [Range<Int>] = []
    private var lineStart = 0
    private var scanned = 0

    init(limits: ServerLimits) { self.limits = limits }

    /// Some of a head has come.
    var isUnderWay: Bool { scanned > 0 }

    /// The next head, its bytes taken off `buffer`, which otherwise stays as it is; nil when more bytes are needed.
    mutating func parse(_ buffer: inout ByteBuffer) throws(Refusal) -> RequestHead? {
        guard try scan(buffer.readableBytesUInt8Span) else { return nil }
        let head = try head(in: buffer)
        buffer.moveReaderIndex(forwardBy: scanned)
        lines.removeAll(keepingCapacity: true)
        lineStart = 0
        scanned = 0
        return head
    }

    /// Finds the lines; true once the empty one has come.
    private mutating func scan(_ bytes: borrowing Span<UInt8>) throws(Refusal) -> Bool {
        while scanned < bytes.count {
            let byte = bytes[scanned]
            scanned += 1
            if byte == lineFeed {
                let end = scanned - 2
                guard end >= lineStart, bytes[end] == carriageReturn else {
                    throw Refusal(400, "a line does not end in CR LF")
                }
                if try endLine(lineStart..<end) { return true }
                lineStart = scanned
            } else if scanned - lineStart > limits.requestLineBytes, lines.isEmpty {
                throw Refusal(414, "the request line is longer than \(limits.requestLineBytes) bytes")
            } else if scanned > limits.headerBytes {
                throw Refusal(431, "the header fields are longer than \(limits.headerBytes) bytes")
            }
        }
        return false
    }

    private mutating func endLine(_ line: Range<Int>) throws(Refusal) -> Bool {
        if line.isEmpty {
            // A lone empty line before a request is forgiven (RFC 9112, 2.2).
            guard lines.isEmpty else { return true }
            guard line.lowerBound == 0 else { throw Refusal(400, "empty lines in place of a request") }
            return false
        }
        lines.append(line)
        guard lines.count <= limits.headerCount + 1 else {
            throw Refusal(431, "more than \(limits.headerCount) header fields")
        }
        return false
    }

    private func head(in buffer: ByteBuffer) throws(Refusal) -> RequestHead {
        let text = HeadText(buffer: buffer)
        var head = RequestHead()
        try text.requestLine(lines[0], into: &head)
        var fields = HeadFields()
        head.headers.reserve(lines.count - 1)
        for line in lines.dropFirst() {
            let (name, value) = try text.field(line)
            try fields.take(name, value)
            head.headers.add(name, value)
        }
        try fields.settle(&head)
        return head
    }
}

/// The lines of a head, by offsets from the buffer's reader index.
private struct HeadText {
    let buffer: ByteBuffer

    func requestLine(_ line: Range<Int>, into head: inout RequestHead) throws(Refusal) {
        let bytes = buffer.readableBytesUInt8Span
        guard let first = line.first(where: { bytes[$0] == space }),
            let last = line.last(where: { bytes[$0] == space }), first + 1 < last
        else { throw Refusal(400, "not a request line") }
        guard first > line.lowerBound, (line.lowerBound..<first).allSatisfy({ isToken(bytes[$0]) }) else {
            throw Refusal(400, "not a method")
        }
        // A target is visible ASCII; a fragment is the client's own affair and never sent (RFC 9112, 3.2).
        guard (first + 1..<last).allSatisfy({ bytes[$0] > space && bytes[$0] < 0x7f && bytes[$0] != UInt8(ascii: "#") })
        else { throw Refusal(400, "the target has characters that must be percent-encoded") }
        head.method = string(line.lowerBound..<first)
        head.target = string(first + 1..<last)
        head.minorVersion = try minorVersion(last + 1..<line.upperBound)
    }

    private func minorVersion(_ range: Range<Int>) throws(Refusal) -> Int {
        let bytes = Array(string(range).utf8)
        guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), bytes[6] == UInt8(ascii: "."),
            let major = digit(bytes[5]), let minor = digit(bytes[7])
        else { throw Refusal(400, "not a version of HTTP") }
        guard major == 1 else { throw Refusal(505, "this server speaks HTTP/1.1") }
        return min(minor, 1)
    }

    func field(_ line: Range<Int>) throws(Refusal) -> (name: String, value: String) {
        let bytes = buffer.readableBytesUInt8Span
        // Also refuses a line that continues the one before (obs-fold) and a space before the colon (RFC 9112, 5).
        guard let colon = line.first(where: { !isToken(bytes[$0]) }), colon > line.lowerBound,
            bytes[colon] == UInt8(ascii: ":")
        else { throw Refusal(400, "not a header field") }
        var value = colon + 1..<line.upperBound
        while let first = value.first, bytes[first] == space || bytes[first] == tab { value = value.dropFirst() }
        while let last = value.last, bytes[last] == space || bytes[last] == tab { value = value.dropLast() }
        guard value.allSatisfy({ bytes[$0] >= space && bytes[$0] != 0x7f || bytes[$0] == tab }) else {
            throw Refusal(400, "a control character in a header field")
        }
        return (string(line.lowerBound..<colon), string(value))
    }

    private func string(_ range: Range<Int>) -> String {
        buffer.getString(at: buffer.readerIndex + range.lowerBound, length: range.count) ?? ""
    }
}

private func digit(_ byte: UInt8) -> Int? {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int(byte - UInt8(ascii: "0")) : nil
}

/// A character of a token (RFC 9110, 5.6.2).
private func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"): true
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"): true
    case UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
    case UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"): true
    default: false
    }
}
