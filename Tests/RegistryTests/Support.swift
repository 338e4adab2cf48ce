import Coordination
import Hashing
import OCI
import Registry
import TestSupport
import Transport

/// A clock that stands still but for waits, which are over at once and remembered.
final class StoppedClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let state = Locked((now: Duration.zero, waits: [Duration]()))

    var now: Instant { Instant(offset: state.withLock { $0.now }) }
    var minimumResolution: Duration { .nanoseconds(1) }
    var waits: [Duration] { state.withLock { $0.waits } }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        state.withLock { state in
            state.waits.append(deadline.offset - state.now)
            state.now = max(state.now, deadline.offset)
        }
    }

    func advance(by duration: Duration) { state.withLock { $0.now += duration } }
}

/// A client over scripted answers, and what it did.
struct Rig {
    let http: ScriptedHTTPClient
    let clock = StoppedClock()
    let client: RegistryClient

    /// - Parameter respond: the answer to the request with this number, from 0.
    init(
        hosts: [RegistryHost] = [RegistryHost(name: "docker.io"), RegistryHost(name: "r.example")],
        anyRegistry: Bool = true, credentials: CredentialStore = CredentialStore(), attempts: Int = 5,
        _ respond: @escaping @Sendable (HTTPRequest, Int) async throws -> ScriptedReply
    ) {
        let count = Locked(0)
        http = ScriptedHTTPClient { request in
            let number = count.withLock { count in
                defer { count += 1 }
                return count
            }
            return try await respond(request, number)
        }
        client = RegistryClient(
            http: http, hosts: hosts, anyRegistry: anyRegistry, credentials: credentials,
            retry: RetryPolicy(attempts: attempts, random: { 1 }), clock: clock, now: { noon })
    }

    /// Method and URL of every request.
    var asked: [String] { http.requests.map { "\($0.method.text) \($0.url)" } }
    var shown: [String?] { http.requests.map { $0.headers.first("Authorization") } }
    func requests(to prefix: String) -> [HTTPRequest] { http.requests.filter { $0.url.hasPrefix(prefix) } }
}

/// 2025-05-01T12:00:00Z.
let noon = Timestamp(seconds: 1_746_100_800)

/// Keeps a blob's bytes and what it was told.
final class Gathering: BlobReceiver {
    struct Full: Error {}

    struct State {
        var bytes: [UInt8]
        var restarts = 0
        var retries: [Duration] = []
        var attempts: [Int] = []
    }

    private let capacity: Int
    private let state: Locked<State>

    init(_ held: [UInt8] = [], capacity: Int = .max) {
        self.capacity = capacity
        state = Locked(State(bytes: held))
    }

    var offset: Int64 { state.withLock { Int64($0.bytes.count) } }
    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var restarts: Int { state.withLock { $0.restarts } }
    var retries: [Duration] { state.withLock { $0.retries } }
    var attempts: [Int] { state.withLock { $0.attempts } }

    func restart() throws {
        state.withLock {
            $0.bytes = []
            $0.restarts += 1
        }
    }

    func receive(_ bytes: RawSpan) throws {
        // INVARIANT: the bytes are copied while the pointer is valid.
        let chunk = bytes.withUnsafeBytes { Array($0) }
        try state.withLock { state in
            guard state.bytes.count + chunk.count <= capacity else { throw Full() }
            state.bytes += chunk
        }
    }

    func retrying(after delay: Duration, attempt: Int) {
        state.withLock {
            $0.retries.append(delay)
            $0.attempts.append(attempt)
        }
    }
}

/// Bytes and the descriptor that names them.
struct Sample {
    var bytes: [UInt8]
    var type: MediaType
    var descriptor: Descriptor {
        Descriptor(mediaType: type, digest: .sha256(of: bytes), size: Int64(bytes.count))
    }

    static func blob(_ count: Int) -> Sample {
        Sample(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }, type: .ociLayerGzip)
    }

    /// A manifest without layers; `note` makes one differ from another.
    static func manifest(_ note: String = "a") -> Sample {
        let config = Digest.sha256(of: Array("{}".utf8))
        let text =
            "{\"schemaVersion\":2,\"mediaType\":\"\(MediaType.ociManifest)\",\"config\":{\"mediaType\":"
            + "\"\(MediaType.ociConfig)\",\"digest\":\"\(config)\",\"size\":2},\"layers\":[],"
            + "\"annotations\":{\"n\":\"\(note)\"}}"
        return Sample(bytes: Array(text.utf8), type: .ociManifest)
    }

    /// The registry's answer with it; `drop` leaves fields out.
    func reply(without drop: [String] = [], _ changed: [String: String] = [:]) -> ScriptedReply {
        var headers = HTTPHeaders([
            ("Content-Type", type.text), ("Content-Length", "\(bytes.count)"),
            ("Docker-Content-Digest", "\(descriptor.digest)"),
        ])
        for name in drop { headers.remove(name) }
        for (name, value) in changed { headers.set(name, value) }
        return ScriptedReply(headers: headers, body: bytes)
    }

    /// The bytes from `offset` on, as a 206; `range` in place of the right `Content-Range`.
    func part(from offset: Int, range: String? = nil) -> ScriptedReply {
        let right = "bytes \(offset)-\(bytes.count - 1)/\(bytes.count)"
        return ScriptedReply(
            status: 206, headers: HTTPHeaders([("Content-Range", range ?? right)]), body: Array(bytes[offset...]))
    }
}

extension ScriptedReply {
    static func status(_ status: Int, _ fields: [(String, String)] = [], _ text: String = "") -> ScriptedReply {
        ScriptedReply(status: status, headers: HTTPHeaders(fields), body: Array(text.utf8))
    }

    static func challenge(_ value: String, status: Int = 401) -> ScriptedReply {
        .status(status, [("WWW-Authenticate", value)])
    }

    static func token(_ json: String) -> ScriptedReply { .status(200, [], json) }

    func cut(after count: Int) -> ScriptedReply {
        var reply = self
        reply.end = .cut(after: count)
        return reply
    }

    /// Says nothing of the body's length.
    var withoutLength: ScriptedReply {
        var reply = self
        reply.headers.set("Content-Length", "unsaid")
        return reply
    }
}

extension HTTPRequest {
    /// Where the `Range` begins.
    var offset: Int {
        headers.first("Range").flatMap { Int($0.dropFirst(6).dropLast()) } ?? 0
    }
}

func reference(_ text: String) throws -> Reference { try Reference(parsing: text) }
func repository(_ text: String) throws -> Repository { try Repository(parsing: text) }

/// The reason that `body` fails for.
func reason(_ body: () async throws -> Void) async throws -> RegistryError.Reason? {
    do { try await body() } catch let error as RegistryError { return error.reason }
    return nil
}

/// The sentence that `body` fails with.
func sentence(_ body: () async throws -> Void) async throws -> String? {
    do { try await body() } catch let error as RegistryError { return error.description }
    return nil
}

func strings(_ json: JSON?) -> [String] { (json?.array ?? []).compactMap(\.string) }

/// A challenge that names a token server of r.example's own.
let plainChallenge = "Bearer realm=\"https://auth.r.example/token\",service=\"r\""
