internal import Coordination
internal import Hashing
internal import OCI
internal import Transport

/// Keeps a document in memory.
final class DocumentBody: AnswerTaker {
    private let kept = Locked<[UInt8]>([])
    private let limit: Int
    private let size: Int64?

    /// - Parameters:
    ///   - limit: the most bytes that are taken.
    ///   - size: the length it must have, if that is known.
    init(limit: Int, size: Int64? = nil) {
        self.limit = limit
        self.size = size
    }

    var bytes: [UInt8] { kept.withLock { $0 } }

    func judge(_ head: HTTPResponseHead) throws -> Bool {
        guard head.status == 200 else { return false }
        kept.withLock { $0 = [] }
        if let length = head.contentLength { try check(length) }
        return true
    }

    func take(_ bytes: RawSpan) throws {
        // INVARIANT: the bytes are copied while the pointer is valid.
        let chunk = bytes.withUnsafeBytes { Array($0) }
        let count = kept.withLock { kept in
            if kept.count <= limit { kept += chunk }
            return kept.count
        }
        guard count <= limit, size.map({ count <= $0 }) ?? true else { throw tooLong }
    }

    private func check(_ length: Int64) throws {
        if let size, length != size {
            throw RegistryError.Reason.mismatch("it offers \(length) bytes where \(size) were expected")
        }
        guard length <= limit else { throw tooLong }
    }

    private var tooLong: RegistryError.Reason {
        .mismatch("the document is longer than the \(size ?? Int64(limit)) bytes it may have")
    }
}

/// Looks at nothing but the head.
final class HeadOnly: AnswerTaker {
    func judge(_ head: HTTPResponseHead) -> Bool { head.status == 200 }
    func take(_ bytes: RawSpan) {}
}

/// The range asked for cannot be had: the bytes held are of no use, and all are fetched anew.
struct RangeUnusable: Error {}

/// Passes a blob's bytes on to its receiver and holds the answer to what was asked.
final class BlobBody: AnswerTaker {
    private let size: Int64
    private let asked: Int64
    private let receiver: any BlobReceiver
    private let digester: Locked<Digester?>

    /// - Parameters:
    ///   - offset: where the bytes asked for begin.
    ///   - checked: hashes what comes, if it comes from the first byte on.
    init(_ descriptor: Descriptor, from offset: Int64, into receiver: any BlobReceiver, checked: Bool) {
        size = descriptor.size
        asked = offset
        self.receiver = receiver
        digester = Locked(checked && offset == 0 ? Digester(descriptor.digest.algorithm) : nil)
    }

    var pace: Pace? { receiver.pace }

    /// The digest of all bytes, where they were hashed.
    var digest: Digest? { digester.withLock { $0?.finalize() } }

    func judge(_ head: HTTPResponseHead) throws -> Bool {
        switch head.status {
        case 200:
            if let length = head.contentLength, length != size {
                throw RegistryError.Reason.mismatch("it offers \(length) bytes where \(size) were expected")
            }
            if asked > 0 { try receiver.restart() }
            return true
        case 206 where asked > 0:
            guard let range = ContentRange(head.headers.first("Content-Range") ?? ""), range.first == asked,
                range.last == size - 1, range.total == nil || range.total == size,
                head.contentLength == nil || head.contentLength == size - asked
            else { throw RangeUnusable() }
            return true
        case 416 where asked > 0: throw RangeUnusable()
        default: return false
        }
    }

    func take(_ bytes: RawSpan) throws {
        guard receiver.offset + Int64(bytes.byteCount) <= size else {
            // Who sends too much has sent something else: none of it is worth resuming.
            try receiver.restart()
            throw RegistryError.Reason.mismatch("it sends more than the \(size) bytes of the blob")
        }
        digester.withLock { $0?.update(bytes) }
        try receiver.receive(bytes)
    }
}

/// `bytes 100-199/200`, the total perhaps `*` (RFC 9110 §14.4).
struct ContentRange: Equatable {
    var first: Int64
    var last: Int64
    var total: Int64?

    init?(_ value: String) {
        guard value.lowercased().hasPrefix("bytes ") else { return nil }
        let halves = value.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2 else { return nil }
        let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = number(ends[0]), let last = number(ends[1]), first <= last else {
            return nil
        }
        total = number(halves[1])
        guard total != nil || halves[1] == "*" else { return nil }
        self.first = first
        self.last = last
    }
}

private func number(_ text: Substring) -> Int64? {
    !text.isEmpty && text.utf8.allSatisfy(isDigit) ? Int64(text) : nil
}
