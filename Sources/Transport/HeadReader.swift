/// Why a head was refused: the end of a sentence.
struct HeadFault: Error, Equatable {
    let reason: String
}

/// Reads the head of one reply line by line and holds it to our limits.
///
/// libcurl 7.88 by itself takes heads of megabytes, 1xx replies without end, contradicting lengths, and undoes
/// compression named in Transfer-Encoding unasked; so every head is judged here before a byte of its body is shown to
/// anyone.
struct HeadReader {
    /// All lines of one exchange, interim replies and trailers included: four times what registries and CDNs send.
    static let maximumBytes = 64 << 10
    /// Lines of one exchange; a reply of a registry has 10 to 40.
    static let maximumLines = 200
    /// Replies of status 1xx before the real one; one is customary.
    static let maximumInterim = 20

    private enum State { case status, fields, body }

    private var state = State.status
    private var bytes = 0
    private var lines = 0
    private var interim = 0
    private var head = HTTPResponseHead(status: 0)

    /// Takes one line with its ending. Returns the head at the empty line that ends the final one, once.
    mutating func read(_ line: some BidirectionalCollection<UInt8>) throws(HeadFault) -> HTTPResponseHead? {
        bytes += line.count
        lines += 1
        guard bytes <= Self.maximumBytes else {
            throw HeadFault(reason: "its head is longer than \(Self.maximumBytes) bytes")
        }
        guard lines <= Self.maximumLines else {
            throw HeadFault(reason: "its head has more than \(Self.maximumLines) lines")
        }
        let text = withoutEnding(line)
        switch state {
        case .status:
            try readStatus(text)
            return nil
        case .fields where text.isEmpty:
            return try finish()
        case .fields:
            try readField(text)
            return nil
        case .body:
            // Trailers are counted above and dropped; a second head would mix two replies in one sink.
            if text.starts(with: "HTTP/".utf8) { throw HeadFault(reason: "a second head follows the first") }
            return nil
        }
    }

    private mutating func readStatus(_ text: some BidirectionalCollection<UInt8>) throws(HeadFault) {
        let parts = String(decoding: text, as: UTF8.self).split(separator: " ", maxSplits: 2)
        let versions = ["HTTP/1.0": "1.0", "HTTP/1.1": "1.1", "HTTP/2": "2"]
        guard parts.count >= 2, let version = versions[String(parts[0])], parts[1].utf8.count == 3,
            let status = parseLength(String(parts[1])), status >= 100
        else { throw HeadFault(reason: "its status line is malformed") }
        head = HTTPResponseHead(status: Int(status), httpVersion: version)
        state = .fields
    }

    private mutating func readField(_ text: some BidirectionalCollection<UInt8>) throws(HeadFault) {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), isToken(text[..<colon]) else {
            throw HeadFault(reason: "it has a malformed header line")
        }
        let value = trimmed(text[text.index(after: colon)...])
        guard isFieldValue(value) else { throw HeadFault(reason: "it has a control character in a header") }
        head.headers.add(String(decoding: text[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
    }

    private mutating func finish() throws(HeadFault) -> HTTPResponseHead? {
        if head.status == 101 { throw HeadFault(reason: "it switches protocols, which nobody asked for") }
        if head.status < 200 {
            interim += 1
            guard interim <= Self.maximumInterim else {
                throw HeadFault(reason: "more than \(Self.maximumInterim) interim replies came before it")
            }
            state = .status
            return nil
        }
        try judge(head)
        state = .body
        return head
    }
}

private func judge(_ head: HTTPResponseHead) throws(HeadFault) {
    let lengths = head.headers.all("Content-Length")
    let codings = head.headers.all("Transfer-Encoding")
    if !lengths.isEmpty && head.contentLength == nil {
        throw HeadFault(reason: "its Content-Length is no number or not the same twice")
    }
    if !lengths.isEmpty && !codings.isEmpty {
        throw HeadFault(reason: "it has both Content-Length and Transfer-Encoding")
    }
    guard codings.isEmpty || codings.count == 1 && isWord("chunked", codings[0]) else {
        throw HeadFault(reason: "its Transfer-Encoding is not plain chunked")
    }
    // An error's body is nobody's content: refusing it would hide the status that tells what went wrong.
    let encodings = head.headers.all("Content-Encoding")
    guard !(200...299 ~= head.status) || encodings.allSatisfy({ isWord("identity", $0) || $0.isEmpty }) else {
        throw HeadFault(reason: "it has a Content-Encoding, though none was asked for")
    }
}

private func isWord(_ word: String, _ text: String) -> Bool {
    text.utf8.elementsEqual(word.utf8) { lowerCase($0) == $1 }
}

/// RFC 9110 §5.6.2.
func isToken(_ bytes: some Collection<UInt8>) -> Bool {
    !bytes.isEmpty && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7f && !separators.contains($0) }
}

private let separators = Set("\"(),/:;<=>?@[\\]{}".utf8)

/// RFC 9110 §5.5: anything but control characters; a tab is allowed.
func isFieldValue(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.allSatisfy { $0 == 9 || $0 >= 0x20 && $0 != 0x7f }
}

private func withoutEnding<Line: BidirectionalCollection<UInt8>>(_ line: Line) -> Line.SubSequence {
    var text = line[...]
    if text.last == 10 { text = text.dropLast() }
    if text.last == 13 { text = text.dropLast() }
    return text
}

private func trimmed<Text: BidirectionalCollection<UInt8>>(_ text: Text) -> Text.SubSequence {
    var rest = text.drop { $0 == 0x20 || $0 == 9 }
    while let last = rest.last, last == 0x20 || last == 9 { rest = rest.dropLast() }
    return rest
}
