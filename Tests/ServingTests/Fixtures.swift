import Glibc
import Serving
import Synchronization

/// A value that handlers and tests share.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
    var now: Value { value.withLock { $0 } }
    func set(_ new: Value) { value.withLock { $0 = new } }
    func exchange(_ new: Value) -> Value {
        value.withLock { value in
            defer { value = new }
            return value
        }
    }
    func update(_ change: @Sendable (inout Value) -> Void) { value.withLock { change(&$0) } }
}

/// Something that happens once, for others to wait for.
final class Event: Sendable {
    private let stream: AsyncStream<Void>
    private let source: AsyncStream<Void>.Continuation
    init() { (stream, source) = AsyncStream.makeStream() }
    func happen() { source.finish() }
    func wait() async { for await _ in stream {} }
}

/// A handler in a closure.
struct Answers: RequestHandler {
    let answer: @Sendable (ServerRequest) async -> ServerResponse
    init(_ answer: @escaping @Sendable (ServerRequest) async -> ServerResponse) { self.answer = answer }
    func respond(to request: ServerRequest) async -> ServerResponse { await answer(request) }
}

extension Answers {
    /// Says what was asked for: method, path, and the body's length.
    static let echo = Answers { request in
        do {
            let body = try await request.body.collect(limit: 1 << 20)
            return ServerResponse(
                status: 200, body: .bytes(Array("\(request.method) \(request.path) \(body.count)".utf8)))
        } catch {
            return ServerResponse(status: 500, body: .bytes(Array("\(error)".utf8)))
        }
    }

    static func text(_ text: String) -> Answers {
        Answers { _ in ServerResponse(status: 200, body: .bytes(Array(text.utf8))) }
    }

    static func stream(_ write: @escaping @Sendable (any ResponseWriter) async throws -> Void) -> Answers {
        Answers { _ in ServerResponse(status: 200, body: .stream(write)) }
    }
}

/// Runs a server while `body` runs, and stops it.
func withServer<R: Sendable>(
    _ handler: any RequestHandler, on listeners: [Listener] = [.tcp(host: "127.0.0.1", port: 0)],
    limits: ServerLimits = .quick, _ body: (BoundAddress) async throws -> R
) async throws -> R {
    try await withServers(handler, on: listeners, limits: limits) { try await body($0[0]) }
}

func withServers<R: Sendable>(
    _ handler: any RequestHandler, on listeners: [Listener], limits: ServerLimits = .quick,
    _ body: ([BoundAddress]) async throws -> R
) async throws -> R {
    let (ready, source) = AsyncStream.makeStream(of: [BoundAddress].self)
    let server = HTTPServer(listeners: listeners, handler: handler, limits: limits)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { source.finish() }
            try await server.run { source.yield($0) }
        }
        for await addresses in ready {
            let result: R
            do { result = try await body(addresses) } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
        try await group.waitForAll()
        throw ServingError.listenerLost(address: "never ready")
    }
}

extension ServerLimits {
    /// The defaults, but for a stop that waits for no test's forgotten client.
    static var quick: ServerLimits {
        var limits = ServerLimits()
        limits.gracePeriod = .seconds(5)
        limits.threads = 1
        // On a busy machine a test waits long for its turn; those of timeouts set their own.
        limits.headerTimeout = .seconds(300)
        limits.idleTimeout = .seconds(300)
        return limits
    }
}

/// A directory for `body`, removed after it.
func withDirectory<R>(_ body: (String) async throws -> R) async throws -> R {
    var template = Array("/tmp/serving-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw RawClient.Failure.system("mkdtemp") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
        for name in entries(path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }
    return try await body(path)
}

/// The names in a directory.
func entries(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

/// Calls until it holds: for what other threads bring about. Gives up after 20 s.
func eventually(_ holds: @Sendable () async throws -> Bool) async throws -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(20)
    while clock.now < end {
        if try await holds() { return true }
        await Task.yield()
    }
    return false
}
