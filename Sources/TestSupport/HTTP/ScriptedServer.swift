internal import Coordination
internal import Glibc
public import Transport

/// A request as the scripted server read it.
public struct RecordedRequest: Sendable {
    /// "GET", …
    public var method: String
    /// The request target, undecoded.
    public var target: String
    /// All fields in order.
    public var headers: HTTPHeaders
    /// The body, by its Content-Length.
    public var body: [UInt8]
    /// Which connection it came on, counted from 1.
    public var connection: Int
}

/// A server on loopback that sends what a script says, byte for byte, right or wrong. One thread for each connection.
///
/// Unless a script ends it, a connection stays open for the next request.
public final class ScriptedServer: Sendable {
    /// One thing to do on a connection.
    public enum Step: Sendable {
        /// Sends these bytes.
        case send([UInt8])
        /// Sends these bytes in pieces of `piece` bytes, with a pause after each.
        case drip([UInt8], piece: Int, pause: Duration)
        /// Sends these bytes `times` times.
        case flood([UInt8], times: Int)
        /// Stops until the checkpoint opens or the other side leaves.
        case stop(Checkpoint)
        /// Ends the connection with FIN.
        case finish
        /// Ends the connection with RST.
        case reset

        /// Sends this text.
        public static func text(_ text: String) -> Step { .send(Array(text.utf8)) }
    }

    struct State: Sendable {
        var requests: [RecordedRequest] = []
        var accepted = 0
        var sent: Int64 = 0
        var open: Set<Int32> = []
        var isListening = true
        var isStopped = false
    }

    /// The TCP port on 127.0.0.1; 0 for a Unix socket.
    public let port: Int
    let state = Watched(State())
    let answer: @Sendable (RecordedRequest) -> [Step]
    private let listener: Int32

    /// Listens on a free port of 127.0.0.1, or at `unixPath`, and answers each request with the script `answer` gives.
    /// - Throws: ``StandInError``.
    public init(unixPath: String? = nil, answer: @escaping @Sendable (RecordedRequest) -> [Step]) throws {
        self.answer = answer
        (listener, port) = try listen(unixPath)
        let (listener, state) = (listener, state)
        // The thread holds no reference to the server, whose release is to end it.
        try detachThread {
            acceptAll(listener, state, answer)
            close(listener)
            state.update { $0.isListening = false }
        }
    }

    /// Answers every request with `reply`.
    public convenience init(_ reply: ScriptedReply) throws {
        try self.init { reply.steps(for: $0.method) }
    }

    deinit { cut() }

    /// The URL of a path on this server.
    public func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    /// Every request read so far.
    public var requests: [RecordedRequest] { state.value.requests }

    /// Connections accepted so far.
    public var connections: Int { state.value.accepted }

    /// Bytes the kernel took for sending so far.
    public var sentBytes: Int64 { state.value.sent }

    /// Waits until `count` requests have been read.
    /// - Throws: ``StandInError/timedOut(_:)``; `CancellationError`.
    public func requests(atLeast count: Int) async throws -> [RecordedRequest] {
        return try await state.wait(for: "\(count) requests at the scripted server") {
            $0.requests.count >= count ? $0.requests : nil
        }
    }

    /// Waits until no connection is open.
    /// - Throws: ``StandInError/timedOut(_:)``; `CancellationError`.
    public func allLeft() async throws {
        _ = try await state.wait(for: "the scripted server's clients to leave") { $0.open.isEmpty ? true : nil }
    }

    /// Cuts every connection, stops listening, and returns when no thread and no descriptor is left.
    /// - Throws: ``StandInError/timedOut(_:)``; `CancellationError`.
    public func stop() async throws {
        cut()
        _ = try await state.wait(for: "the scripted server to stop") { !$0.isListening && $0.open.isEmpty ? true : nil }
    }

    private func cut() {
        let listener = listener
        state.update { state in
            state.isStopped = true
            if state.isListening { _ = shutdown(listener, Int32(SHUT_RDWR)) }
            for connection in state.open { _ = shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }
}

private func listen(_ unixPath: String?) throws -> (descriptor: Int32, port: Int) {
    let family = unixPath == nil ? AF_INET : AF_UNIX
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw StandInError.file("open a socket", path: unixPath ?? "", errno: errno) }
    let status = unixPath.map { bindUnix(descriptor, $0) } ?? bindLoopback(descriptor)
    guard status == 0, listen(descriptor, 256) == 0 else {
        let code = errno
        close(descriptor)
        throw StandInError.file("listen at", path: unixPath ?? "127.0.0.1", errno: code)
    }
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
    }
    return (descriptor, unixPath == nil ? Int(UInt16(bigEndian: address.sin_port)) : 0)
}

private func bindLoopback(_ descriptor: Int32) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

private func bindUnix(_ descriptor: Int32, _ path: String) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let isShort = withUnsafeMutableBytes(of: &address.sun_path) { bytes in
        bytes.copyBytes(from: path.utf8.prefix(bytes.count - 1))
        return path.utf8.count < bytes.count
    }
    guard isShort else { return -1 }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
