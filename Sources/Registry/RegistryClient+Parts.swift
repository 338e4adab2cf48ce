internal import Coordination
public import OCI
internal import Transport

/// A place that does not give out parts of a blob as they are asked for. The whole of it may still be had.
public struct PartsUnavailable: Error {
    public init() {}
}

extension Fetcher {
    /// For fetchers that bring blobs as a whole only.
    public func part(
        _ range: Range<Int64>, of descriptor: Descriptor, in repository: Repository, credential: Credential?,
        route: BlobRoute, into receiver: any BlobReceiver
    ) async throws {
        throw PartsUnavailable()
    }
}

extension RegistryClient {
    public func part(
        _ range: Range<Int64>, of descriptor: Descriptor, in repository: Repository, credential: Credential?,
        route: BlobRoute, into receiver: any BlobReceiver
    ) async throws {
        let subject = Subject(.content(descriptor), in: repository)
        let watch = RetryWatch(
            reached: { receiver.offset }, retrying: { receiver.retrying(after: $0, attempt: $1) })
        try await asking(about: subject, credential, watch: watch) { upstream in
            // A server may give less than was asked for.
            while receiver.offset < range.upperBound {
                let start = receiver.offset
                let body = PartBody(start..<range.upperBound, of: descriptor.size, into: receiver)
                var question = question(about: subject, at: upstream)
                question.headers.set("Range", "bytes=\(start)-\(range.upperBound - 1)")
                question.route = route
                try await session.ask(question, about: subject, at: upstream, into: body)
                guard receiver.offset > start else {
                    throw RegistryError.Reason.incomplete(start, of: range.upperBound)
                }
                // The head has promised to where; a body that ended before that is a failed try.
                guard receiver.offset >= body.promised else {
                    throw RegistryError.Reason.incomplete(receiver.offset, of: body.promised)
                }
            }
        }
    }
}

/// Passes a part of a blob on to its receiver, if it is the part that was asked for.
private final class PartBody: AnswerTaker {
    private let range: Range<Int64>
    private let size: Int64
    private let receiver: any BlobReceiver
    private let end = Locked<Int64>(0)

    init(_ range: Range<Int64>, of size: Int64, into receiver: any BlobReceiver) {
        self.range = range
        self.size = size
        self.receiver = receiver
    }

    var pace: Pace? { receiver.pace }

    /// Where the answer's bytes end, by its head.
    var promised: Int64 { end.withLock { $0 } }

    func judge(_ head: HTTPResponseHead) throws -> Bool {
        switch head.status {
        case 206:
            guard let given = ContentRange(head.headers.first("Content-Range") ?? ""), given.first == range.lowerBound,
                given.last < range.upperBound, given.total == nil || given.total == size,
                head.contentLength == nil || head.contentLength == given.last - given.first + 1
            else { throw PartsUnavailable() }
            end.withLock { $0 = given.last + 1 }
            return true
        case 200, 416: throw PartsUnavailable()
        default: return false
        }
    }

    func take(_ bytes: RawSpan) throws {
        // Who sends more than was announced means something else by it.
        guard receiver.offset + Int64(bytes.byteCount) <= promised else { throw PartsUnavailable() }
        try receiver.receive(bytes)
    }
}
