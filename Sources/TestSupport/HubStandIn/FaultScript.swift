internal import Coordination
internal import NIOHTTP1
internal import OCI

/// The rules of misbehaviour, and how often each was looked up.
final class FaultScript: Sendable {
    private struct Rule: Sendable {
        var matcher: RequestMatcher
        var occurrence: Occurrence
        var how: [Misbehaviour]
        var seen = 0
    }

    private let rules = Locked<[Rule]>([])

    func add(_ matcher: RequestMatcher, _ occurrence: Occurrence, _ how: [Misbehaviour]) {
        rules.withLock { $0.append(Rule(matcher: matcher, occurrence: occurrence, how: how)) }
    }

    func clear() { rules.withLock { $0 = [] } }

    /// What is to go wrong with this request: of every rule that fits, in the order in which they were added.
    func misbehaviours(for request: HubRequest) -> [Misbehaviour] {
        rules.withLock { rules in
            var found: [Misbehaviour] = []
            for index in rules.indices where rules[index].matcher.matches(request) {
                rules[index].seen += 1
                if rules[index].occurrence.includes(rules[index].seen) { found += rules[index].how }
            }
            return found
        }
    }
}

extension Misbehaviour {
    /// What has to go wrong before there is an answer.
    func apply(to request: inout HubRequest) {
        if case .ignoreRange = self { request.headers.remove(name: "range") }
    }

    func apply(to answer: inout Answer) throws {
        switch self {
        case .status(let status, let headers, let body):
            let delivered = answer.sendsBody
            answer = Answer(status, headers, text: body)
            answer.sendsBody = delivered
        case .redirect(let url, let status): answer = Answer(status, [("Location", url)])
        case .silence(let end): answer.isSilent = end
        case .cut(let after, let end): answer.incident = Incident(after: after, kind: .end(end))
        case .stall(let after): answer.incident = Incident(after: after, kind: .stall)
        case .hold(let gate, let after): answer.incident = Incident(after: after, kind: .hold(gate))
        case .garbage(let after, let text):
            answer.incident = Incident(after: after, kind: .garbage(Array(text.utf8)))
        case .drip(let bytes, let every): answer.drip = (max(1, bytes), every)
        case .delay(let duration): answer.delay += duration
        case .ignoreRange: break
        case .header(let name, let value):
            answer.headers.remove(name: name)
            if name.lowercased() == "content-length" { answer.announcedLength = nil }
            if let value { answer.headers.add(name: name, value: value) }
        case .addHeader(let name, let value): answer.headers.add(name: name, value: value)
        case .digestHeader(let value): try Misbehaviour.header("Docker-Content-Digest", value).apply(to: &answer)
        case .chunked: answer.announcedLength = nil
        case .raw(let raw): answer.raw = raw
        case .flipByte, .claimLength, .resize, .oversize, .body, .shiftRange, .gzipEncoded, .multipart:
            try applyToBody(of: &answer)
        }
    }

    private func applyToBody(of answer: inout Answer) throws {
        switch self {
        case .flipByte(let place): answer.source = AlteredSource(answer.source, flipping: place)
        case .claimLength(let difference):
            answer.announcedLength = answer.announcedLength.map { max(0, $0 + difference) }
            answer.endsConnection = true
        case .resize(let difference): answer.resize(by: difference, padding: 0)
        case .oversize(let length):
            answer.resize(by: max(0, length - Int64(answer.range.count)), padding: UInt8(ascii: " "))
        case .body(let bytes): answer.setBody(bytes)
        case .shiftRange(let difference, let isAdmitted): answer.shift(by: difference, isAdmitted: isAdmitted)
        case .multipart: try answer.wrapInParts()
        case .gzipEncoded:
            let bytes = try answer.source.read(at: answer.range.lowerBound, count: answer.range.count)
            answer.setBody(try Compression.compress(bytes, .gzip()))
            answer.headers.replaceOrAdd(name: "Content-Encoding", value: "gzip")
        default: break
        }
    }
}

extension Answer {
    fileprivate mutating func resize(by difference: Int64, padding: UInt8) {
        let end = max(range.lowerBound, range.upperBound + difference)
        source = AlteredSource(source, size: end, padding: padding)
        range = range.lowerBound..<end
        announcedLength = Int64(range.count)
    }

    /// RFC 9110 §14.6, as a server may answer even one range.
    fileprivate mutating func wrapInParts() throws {
        guard status == 206 else { return }
        let place = headers.first(name: "Content-Range") ?? ""
        let part = "--part\r\nContent-Type: application/octet-stream\r\nContent-Range: \(place)\r\n\r\n"
        let bytes = try source.read(at: range.lowerBound, count: range.count)
        setBody(Array(part.utf8) + bytes + Array("\r\n--part--\r\n".utf8))
        headers.remove(name: "Content-Range")
        headers.replaceOrAdd(name: "Content-Type", value: "multipart/byteranges; boundary=part")
    }

    fileprivate mutating func shift(by difference: Int64, isAdmitted: Bool) {
        guard status == 206 else { return }
        let total = source.size
        let start = min(max(0, range.lowerBound + difference), range.upperBound - 1)
        if isAdmitted {
            range = start..<range.upperBound
            announcedLength = Int64(range.count)
            let value = "bytes \(start)-\(range.upperBound - 1)/\(total)"
            headers.replaceOrAdd(name: "Content-Range", value: value)
        } else {
            let length = Int64(range.count)
            source = AlteredSource(source, size: max(total, start + length), padding: 0)
            range = start..<start + length
        }
    }
}

/// A source with a byte changed, or of another length.
private struct AlteredSource: BlobSource {
    let size: Int64
    private let original: any BlobSource
    private let flipped: Int64?
    private let padding: UInt8

    init(_ original: any BlobSource, flipping place: Int64) {
        self.original = original
        size = original.size
        flipped = place
        padding = 0
    }

    init(_ original: any BlobSource, size: Int64, padding: UInt8) {
        self.original = original
        self.size = size
        flipped = nil
        self.padding = padding
    }

    func read(at offset: Int64, count: Int) throws -> [UInt8] {
        let wanted = clip(offset, count, to: size)
        var bytes = try original.read(at: wanted.lowerBound, count: wanted.count)
        bytes += [UInt8](repeating: padding, count: max(0, wanted.count - bytes.count))
        if let flipped, wanted.contains(flipped) { bytes[Int(flipped - wanted.lowerBound)] ^= 0xff }
        return bytes
    }
}
