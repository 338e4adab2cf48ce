public import Transport

/// A sink that keeps everything, and refuses, throws or says full where it is told to.
public final class RecordingSink: ByteSink {
    /// What the sink saw.
    public struct Record: Sendable {
        /// Heads, in the order of `begin`.
        public var heads: [HTTPResponseHead] = []
        /// The bytes taken.
        public var body: [UInt8] = []
        /// Calls of `append`.
        public var appends = 0
        /// Calls of `append` answered with full.
        public var refusals = 0
        /// The bytes last refused, until they come again.
        public var refused: [UInt8]?
        /// The first thing the client did that ``ByteSink`` rules out.
        public var violation: String?
        /// Handed over with the head.
        public var flow: Flow?
        var room: Int
        var isClosed = false
    }

    /// Where the sink throws.
    public enum Refusal: Sendable {
        /// In `begin`.
        case head(any Error)
        /// In the first `append` that comes when so many bytes have been taken.
        case body(after: Int, any Error)
    }

    /// What the sink saw so far; changes can be awaited.
    public let record: Watched<Record>
    private let refusal: Refusal?

    /// Makes a sink with room for `room` bytes.
    public init(room: Int = .max, refusal: Refusal? = nil) {
        record = Watched(Record(room: room))
        self.refusal = refusal
    }

    /// Makes room for so many bytes more and restarts the transfer.
    public func makeRoom(_ count: Int) {
        let flow = record.update { record in
            record.room = record.room > Int.max - count ? .max : record.room + count
            return record.flow
        }
        flow?.resume()
    }

    /// From now on every call is a violation: `perform` has returned.
    public func close() { record.update { $0.isClosed = true } }

    public func begin(_ head: HTTPResponseHead, flow: Flow) throws {
        record.update { record in
            if record.isClosed { record.violation = record.violation ?? "begin was called after perform had returned" }
            if !record.heads.isEmpty { record.violation = record.violation ?? "begin was called twice" }
            record.heads.append(head)
            record.flow = flow
        }
        if case .head(let error) = refusal { throw error }
    }

    public func append(_ bytes: RawSpan) throws -> SinkAnswer {
        let chunk = bytes.withUnsafeBytes { Array($0) }
        if case .body(let count, let error) = refusal, record.value.body.count >= count { throw error }
        return record.update { record in
            record.appends += 1
            if let violation = violation(of: chunk, record) { record.violation = record.violation ?? violation }
            guard chunk.count <= record.room else {
                record.refusals += 1
                record.refused = chunk
                return .full
            }
            if record.room != .max { record.room -= chunk.count }
            record.refused = nil
            record.body += chunk
            return .taken
        }
    }
}

private func violation(of chunk: [UInt8], _ record: RecordingSink.Record) -> String? {
    if record.isClosed { return "append was called after perform had returned" }
    if record.heads.isEmpty { return "append was called before begin" }
    guard let refused = record.refused else { return nil }
    let common = min(refused.count, chunk.count)
    return refused.prefix(common).elementsEqual(chunk.prefix(common)) ? nil : "the bytes refused did not come again"
}
