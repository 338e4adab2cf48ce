import Catalogue
import Coordination
import OCI
import Pulling
import Registry
import Serving
import Storage
import TestSupport
import Transport

@testable import MirrorAPI

/// The mirror over a store on disk and a Hub stand-in, with a clock that tests move.
final class MirrorRig: Sendable {
    let hub: HubStandIn
    let directory: TemporaryDirectory
    let store: LocalContentStore
    let catalogue: Catalogue
    let keeper: SpaceKeeper
    let puller: Puller
    let content: PullThrough
    let routes: MirrorRoutes
    let time: Locked<Int64>
    private let http: CurlClient

    struct Settings {
        var hub: (inout HubOptions) -> Void = { _ in }
        var credential = Credential.anonymous
        var servesPrivate = false
        var patience: PullThrough.Patience = {
            var patience = PullThrough.Patience()
            // A failure is remembered so briefly that a test need not wait for the next attempt.
            (patience.failure, patience.absence) = (.milliseconds(1), .milliseconds(1))
            // However loaded the machine is.
            (patience.document, patience.blob) = (.seconds(60), .seconds(60))
            return patience
        }()
        var revalidateAfter: Duration = .seconds(600)
        var patterns: [(pattern: String, revalidateAfter: Duration)] = []
        /// A state directory of an earlier rig.
        var directory: TemporaryDirectory?
        var existingHub: HubStandIn?
        var start: Int64 = 1_800_000_000
        /// Bytes; 0 for no limit.
        var quota: Int64 = 0

        var limit: Quota {
            var limit = Quota()
            (limit.maxSize, limit.keepAtLeast, limit.lowWatermark) = (quota, .zero, 1)
            return limit
        }
    }

    init(_ change: (inout Settings) -> Void = { _ in }) async throws {
        var settings = Settings()
        change(&settings)
        var options = HubOptions.plainLoopback
        settings.hub(&options)
        if let existing = settings.existingHub { hub = existing } else { hub = try await HubStandIn.start(options) }
        directory = try settings.directory ?? TemporaryDirectory("layerd-mirror")
        let time = Locked(settings.start)
        self.time = time
        let now: @Sendable () -> Timestamp = { Timestamp(seconds: time.withLock { $0 }) }
        store = try await LocalContentStore(root: directory.path("state"))
        catalogue = try await Catalogue.open(path: directory.path("catalog.sqlite"), now: now)
        http = CurlClient(maximumConnections: 32, perHost: 32, userAgent: "layerd-tests")
        let hosts = [
            RegistryHost(name: "docker.io", endpoint: hub.endpoint, credential: settings.credential),
            RegistryHost(name: "ghcr.io", endpoint: hub.endpoint),
        ]
        let registry = RegistryClient(
            http: http, hosts: hosts, anyRegistry: false,
            retry: RetryPolicy(attempts: 2, base: .milliseconds(1), cap: .milliseconds(5), longestWait: .zero))
        let collector = Collector(store: store, catalogue: catalogue) { [store] in try await store.writeIndex($0) }
        keeper = SpaceKeeper(
            quota: settings.limit, store: store, disk: store, catalogue: catalogue, collector: collector, now: now,
            tell: { _ in })
        collector.keepSpace(with: keeper)
        puller = Puller(
            resolver: registry, fetcher: registry, store: store, catalogue: catalogue,
            limits: .init(total: 16, perHost: 16), events: ImageEventLog(now: now), collector: collector)
        content = PullThrough(
            puller: puller, registry: registry.hurried, store: store, catalogue: catalogue,
            registries: hosts.map {
                MirroredRegistry(
                    name: $0.name, revalidateAfter: settings.revalidateAfter, patterns: settings.patterns)
            },
            servesPrivate: settings.servesPrivate, patience: settings.patience, now: now)
        routes = MirrorRoutes(content: content, hosts: ["cache.example"])
    }

    func advance(by duration: Duration) { time.withLock { $0 += duration.components.seconds } }

    func end(keepingHub: Bool = false) async throws {
        await http.shutdown()
        try await catalogue.close()
        store.close()
        if !keepingHub { await hub.stop() }
    }

    /// Requests for blobs that the registry got, its redirects included.
    var blobRequests: Int { hub.log.count { $0.kind == .blob || $0.kind == .cdn } }
    var manifestGets: Int { hub.log.count(.manifest, method: "GET") }

    // MARK: asking without a socket

    struct Answer {
        var status: Int
        var headers: ServerHeaders
        var body: [UInt8] = []
        /// What cut the body short.
        var failure: (any Error)?

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSON { get throws { try JSON(parsing: body) } }
        func header(_ name: String) -> String? { headers.first(name) }
    }

    func ask(_ method: String, _ target: String, _ headers: [(String, String)] = []) async throws -> Answer {
        let fields = headers.contains { $0.0 == "Host" } ? headers : headers + [("Host", "127.0.0.1:5050")]
        guard let request = ServerRequest(method, target, headers: ServerHeaders(fields)) else {
            throw BadTarget(target: target)
        }
        let atOnce = routes.respondAtOnce(to: request)
        let response = if let atOnce { atOnce } else { await routes.respond(to: request) }
        var answer = Answer(status: response.status, headers: response.headers)
        guard method != "HEAD" else { return answer }
        let sink = Sink()
        do {
            switch response.body {
            case .none: break
            case .bytes(let bytes): answer.body = bytes
            case .file(let descriptor, let offset, let length, let owner):
                try await sink.write(file: descriptor, offset: offset, length: length, owner: owner)
            case .stream(let run): try await run(sink)
            }
        } catch { answer.failure = error }
        if answer.body.isEmpty { answer.body = sink.bytes }
        return answer
    }

    func get(_ target: String, _ headers: [(String, String)] = []) async throws -> Answer {
        try await ask("GET", target, headers)
    }

    /// Asks for an image as podman does: manifest, child, config, layers; says what failed.
    func pull(_ repository: String, _ tag: String, _ image: GeneratedImage) async throws -> [String] {
        var targets = ["manifests/\(tag)"]
        let manifest = image.manifest(for: .host) ?? image.manifests[0]
        if image.target.mediaType.isIndex { targets.append("manifests/\(manifest.document.digest)") }
        targets += ([manifest.config] + manifest.layers).map { "blobs/\($0.digest)" }
        var failures: [String] = []
        for target in targets {
            let answer = try await get("/v2/\(repository)/\(target)")
            if answer.status != 200 || answer.failure != nil {
                failures.append("\(target): \(answer.status) \(answer.text.prefix(200))")
            }
        }
        return failures
    }

    /// Waits until the catalogue has the name.
    func recorded(_ name: String) async throws -> ImageSummary {
        let reference = try Reference(parsing: name)
        return try await eventually("\(name) to be recorded") { try await self.catalogue.image(named: reference) }
    }

    // MARK: asking through a socket

    /// Serves at a free port while `body` runs, which is given the port.
    func serving<R: Sendable>(
        limits: ServerLimits = ServerLimits(), tls: TLSIdentity? = nil, _ body: @Sendable (Int) async throws -> R
    ) async throws -> R {
        let (ready, source) = AsyncStream.makeStream(of: Int.self)
        let server = HTTPServer(
            listeners: [.tcp(host: "127.0.0.1", port: 0, tls: tls)], handler: routes, limits: limits)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { source.finish() }
                try await server.run { source.yield($0[0].port ?? 0) }
            }
            defer { group.cancelAll() }
            for await port in ready { return try await body(port) }
            throw BadTarget(target: "the server did not start")
        }
    }
}

struct BadTarget: Error { var target: String }

final class Sink: ResponseWriter {
    private let kept = Locked<[UInt8]>([])
    var bytes: [UInt8] { kept.withLock { $0 } }
    func write(_ bytes: [UInt8]) { kept.withLock { $0 += bytes } }
}

/// Asks until there is an answer: for what other tasks bring about. Gives up after 20 s.
func eventually<Value>(_ what: String, _ find: () async throws -> Value?) async throws -> Value {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
        if let value = try await find() { return value }
        await Task.yield()
    }
    throw BadTarget(target: "\(what): in vain")
}

/// Runs a rig while `body` runs.
func withMirror(
    _ change: (inout MirrorRig.Settings) -> Void = { _ in }, _ body: (MirrorRig) async throws -> Void
) async throws {
    let rig = try await MirrorRig(change)
    do { try await body(rig) } catch {
        try await rig.end()
        throw error
    }
    try await rig.end()
}

/// What curl says of one request: its exit status (18: the body ended early, 56: the connection was reset), the status
/// of HTTP, and the body.
struct CurlResult: Sendable {
    var exit: Int32
    var status: Int
    var body: [UInt8]
}

func curl(
    _ port: Int, _ path: String, _ options: [String] = [], scheme: String = "http"
) async throws -> CurlResult {
    let result = try await runProcess(
        "curl", ["-sS", "-w", "%{stderr}STATUS=%{http_code}"] + options + ["\(scheme)://127.0.0.1:\(port)\(path)"])
    let status = result.errors.components(after: "STATUS=").flatMap { Int($0.prefix(3)) } ?? 0
    return CurlResult(exit: result.status, status: status, body: result.stdout)
}

extension String {
    fileprivate func components(after mark: String) -> Substring? {
        guard let range = self.firstRange(of: mark) else { return nil }
        return self[range.upperBound...]
    }
}
