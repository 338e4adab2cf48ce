/// The body of a request: arrays of bytes in order, as they arrive. It has one reader.
///
/// Bytes are taken off the socket only as they are read here, but for a bounded buffer, so a slow handler slows its
/// client and nothing else. The first read answers `Expect: 100-continue`. What the handler leaves unread, the server
/// discards.
public struct RequestBody: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = any Error

    private let source: (any BodySource)?
    private let bytes: [UInt8]

    /// A body that is here already. For tests of handlers.
    public init(_ bytes: [UInt8] = []) {
        self.bytes = bytes
        source = nil
    }

    init(source: any BodySource) {
        bytes = []
        self.source = source
    }

    /// Reads all of it.
    /// - Throws: ``ServingError/bodyTooLarge(limit:)`` as soon as it is longer than `limit` bytes, ``ClientGone`` when
    ///   it broke off, ``ServingError/malformedBody(_:)``, `CancellationError`.
    public func collect(limit: Int) async throws -> [UInt8] {
        var whole: [UInt8] = []
        for try await piece in self {
            guard piece.count <= limit - whole.count else { throw ServingError.bodyTooLarge(limit: limit) }
            whole += piece
        }
        return whole
    }

    public func makeAsyncIterator() -> Iterator { Iterator(source: source, bytes: bytes) }

    public struct Iterator: AsyncIteratorProtocol, Sendable {
        fileprivate let source: (any BodySource)?
        fileprivate var bytes: [UInt8]

        public mutating func next() async throws -> [UInt8]? {
            if let source { return try await source.nextPiece() }
            defer { bytes = [] }
            return bytes.isEmpty ? nil : bytes
        }
    }
}

/// Where a body comes from.
protocol BodySource: Sendable {
    /// The next bytes, never empty; nil at the end.
    func nextPiece() async throws -> [UInt8]?
}
