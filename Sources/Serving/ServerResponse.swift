/// What follows the head of a response.
public enum ResponseBody: Sendable {
    /// Nothing; `Content-Length: 0` where the status allows a body.
    case none
    /// Sent with its `Content-Length`.
    case bytes([UInt8])
    /// Written as it comes to be, each write flushed: chunked, or counted when the headers have a `Content-Length`.
    ///
    /// When the closure throws, or writes another number of bytes than it declared, the connection is cut without the
    /// final chunk, so that no client takes the half for the whole. Its task is cancelled when the client leaves.
    /// Not run for HEAD.
    case stream(@Sendable (any ResponseWriter) async throws -> Void)
    /// `length` bytes of a file from `offset`, by `sendfile`. The descriptor must stay open, and the file as long as it
    /// is, until `owner` is released, which is when the last byte is out or the client has left.
    case file(descriptor: Int32, offset: Int64, length: Int64, owner: any Sendable)
}

/// An answer. `Date`, `Content-Length`, `Transfer-Encoding` and `Connection` are the server's business; of these the
/// headers here may hold a `Content-Length` for a stream or for HEAD, and `Connection: close`.
public struct ServerResponse: Sendable {
    public var status: Int
    /// Nil: the usual phrase for the status.
    public var reason: String?
    public var headers: ServerHeaders
    public var body: ResponseBody

    public init(
        status: Int, reason: String? = nil, headers: ServerHeaders = ServerHeaders(), body: ResponseBody = .none
    ) {
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body
    }
}

extension ServerResponse {
    /// The same, with a part of a file as a stream of its bytes.
    var streamingFile: ServerResponse {
        guard case .file(let descriptor, let offset, let length, let owner) = body else { return self }
        var response = self
        response.headers.set("Content-Length", String(length))
        response.body = .stream { writer in
            try await writer.write(file: descriptor, offset: offset, length: length, owner: owner)
        }
        return response
    }
}

/// Takes the bytes of a streamed body.
public protocol ResponseWriter: Sendable {
    /// Sends bytes at once; returns when the socket, or a bounded buffer before it, has taken them. An empty array does
    /// nothing.
    /// - Throws: ``ClientGone`` when the client has left, `CancellationError`,
    ///   ``ServingError/wrongLength(declared:written:)``.
    func write(_ bytes: [UInt8]) async throws

    /// Sends `length` bytes of a file from `offset`, by `sendfile` where that can be; returns when the socket has taken
    /// them. The descriptor must stay open, and the file as long as it is, until then; `owner` is held meanwhile.
    /// - Throws: as ``write(_:)``, and ``ServingError/shortFile`` when the file has fewer bytes.
    func write(file descriptor: Int32, offset: Int64, length: Int64, owner: any Sendable) async throws
}

extension ResponseWriter {
    /// By copying, piece by piece: for writers that are no socket.
    public func write(file descriptor: Int32, offset: Int64, length: Int64, owner: any Sendable) async throws {
        try await copy(file: descriptor, offset: offset, length: length, owner: owner)
    }

    func copy(file descriptor: Int32, offset: Int64, length: Int64, owner: any Sendable) async throws {
        var done: Int64 = 0
        while done < length {
            let part = FilePart(
                descriptor: descriptor, offset: offset + done, length: min(FilePart.pieceBytes, length - done))
            guard let bytes = part.bytes() else { throw ServingError.shortFile }
            try await write(bytes)
            done += part.length
        }
        withExtendedLifetime(owner) {}
    }
}

/// The client closed its connection before the exchange was over. An everyday event, no failure.
public struct ClientGone: Error, Sendable, Equatable, CustomStringConvertible {
    public init() {}
    public var description: String { "the client closed its connection" }
}
