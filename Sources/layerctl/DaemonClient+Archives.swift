internal import Glibc
internal import OCI
internal import Transport

extension DaemonClient {
    /// Writes an answer's bytes to an open file as they come.
    /// - Throws: ``Failure``, also when the daemon cuts the connection: what was written is then no whole answer.
    func download(_ path: String, query: [(String, String)], into descriptor: Int32) async throws {
        let sink = FileSink(descriptor)
        do {
            let head = try await http.perform(request(.get, Self.engineVersion + path, query), into: sink)
            guard head.status == 200 else { throw Failure.refused(Self.reason(sink.refusal, status: head.status)) }
        } catch let error {
            throw failure(error, begun: sink.hasBegun)
        }
    }

    /// Posts a file to its end, and hands over the answer's lines as they come.
    /// - Throws: ``Failure``; what `take` throws.
    func post(
        _ path: String, query: [(String, String)], file descriptor: Int32,
        lines take: @escaping @Sendable (JSON) throws -> Void
    ) async throws {
        let sink = LineSink(take)
        var request = request(.post, path, query)
        request.headers.set("Content-Type", "application/x-tar")
        guard let body = FileBody(descriptor: descriptor) else {
            throw Failure.local("the archive cannot be read: \(String(cString: strerror(errno)))")
        }
        request.file = body
        do {
            let head = try await http.perform(request, into: sink)
            guard head.status == 200 else { throw Failure.refused(Self.reason(sink.rest(), status: head.status)) }
        } catch let error {
            throw failure(error)
        }
    }

    /// Bytes that stop coming say another thing than a socket where nobody answers.
    private func failure(_ error: any Error, begun: Bool) -> any Error {
        if begun, error is TransportError {
            return Failure.refused("layerd ended the archive before its end: look into its log; \(error)")
        }
        return failure(error)
    }
}

/// Writes a body to a file. Of a refusal it keeps the beginning, for its reason.
private final class FileSink: ByteSink {
    private static let maximumRefusal = 64 << 10

    private let descriptor: Int32
    private let state = Shared((status: 0, refusal: [UInt8]()))

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    var refusal: [UInt8] { state.withLock { $0.refusal } }
    var hasBegun: Bool { state.withLock { $0.status == 200 } }

    func begin(_ head: HTTPResponseHead, flow: Flow) throws { state.withLock { $0.status = head.status } }

    func append(_ bytes: RawSpan) throws -> SinkAnswer {
        guard hasBegun else {
            state.withLock { state in
                guard state.refusal.count < Self.maximumRefusal else { return }
                bytes.withUnsafeBytes { state.refusal.append(contentsOf: $0) }
            }
            return .taken
        }
        try bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
                let count = write(descriptor, rest.baseAddress, rest.count)
                if count > 0 {
                    done += count
                } else if errno != EINTR {
                    throw Failure.local("cannot write the archive: \(String(cString: strerror(errno)))")
                }
            }
        }
        return .taken
    }
}
