import Catalogue
import OCI
import Registry
import Serving
import TestSupport
import Testing

@testable import NativeAPI
@testable import Pulling
@testable import Storage

/// A pull that goes as the test says.
struct ScriptedPuller: ImagePuller, PullPlanning {
    var planned: [String: PlannedImage] = [:]

    var fault: (any Error)?
    var events: [PullEvent] = []
    var ending: (any Error)?

    static let layer = Descriptor(
        mediaType: .ociLayerGzip, digest: Digest(.sha256, bytes: Array(repeating: 7, count: 32)), size: 100)

    func pull(_ request: PullRequest) async throws -> Pull {
        if let fault { throw fault }
        let outcome = PullOutcome(
            reference: request.reference.forPull, digest: Self.layer.digest, upToDate: false, fetchedBytes: 100,
            fetchedBlobs: 1, sharedBytes: 5)
        let (stream, continuation) = AsyncThrowingStream<PullEvent, any Error>.makeStream()
        for event in events { continuation.yield(event) }
        continuation.finish(throwing: ending)
        return Pull(
            reference: request.reference.forPull, target: Self.layer, layers: [Self.layer], upToDate: false,
            events: stream, outcome: { outcome })
    }

    func tags(of repository: Repository, credential: Credential?) async throws -> [String] { [] }

    func plan(_ requests: [PullRequest], held: [Digest: Int64]) async throws -> PlanReport {
        PlanReport(
            images: requests.map { request in
                let planned = planned[request.reference.familiar]
                return (request.reference.forPull, planned.map { .success($0) } ?? .failure(Broken(kind: .notFound)))
            })
    }
}

struct ReportingStore: StoreReporting, SweptStore {
    let memory = MemoryContentStore()
    var interrupted: [HeldIngest] = []

    func size(of digest: Digest) async throws -> Int64? { try await memory.size(of: digest) }
    func ingest(
        _ descriptor: Descriptor, from source: String?, fill: @Sendable (any BlobWriter) async throws -> Void
    ) async throws -> IngestOutcome { try await memory.ingest(descriptor, from: source, fill: fill) }
    func read(_ digest: Digest, limit: Int) async throws -> [UInt8] { try await memory.read(digest, limit: limit) }
    func open(_ digest: Digest) async throws -> BlobFile { try await memory.open(digest) }
    func concluded(_ digest: Digest, _ file: BlobFile, actual: Digest) async throws {
        try await memory.concluded(digest, file, actual: actual)
    }
    func remove(_ digest: Digest) async throws { try await memory.remove(digest) }
    func blobs() async throws -> [(digest: Digest, size: Int64)] { try await memory.blobs() }
    func stored() async throws -> [StoredBlob] {
        try await blobs().map { StoredBlob(digest: $0.digest, size: $0.size, changed: Timestamp(seconds: 100)) }
    }
    func dropIngest(_ digest: Digest) -> Bool { true }
    func usage() -> StoreUsage {
        StoreUsage(blobs: .init(logical: 3, physical: 4096), ingest: .init(), quarantine: .init())
    }
    func ingests() -> [HeldIngest] { interrupted }
}

struct Broken: Fault {
    var kind: FaultKind
    var description: String { "it broke" }
}

/// Takes what a stream writes.
actor Written: ResponseWriter {
    var bytes: [UInt8] = []
    func write(_ bytes: [UInt8]) { self.bytes += bytes }

    var lines: [JSON] {
        get throws { try bytes.split(separator: UInt8(ascii: "\n")).map { try JSON(parsing: $0) } }
    }
}

@Suite struct `The native routes` {
    private func respond(_ method: String, _ target: String, _ puller: ScriptedPuller = ScriptedPuller()) async throws
        -> ServerResponse?
    {
        let rig = try await NativeRig(puller: puller)
        return try await rig.respond(method, target)
    }

    private func json(_ response: ServerResponse?) throws -> JSON {
        guard case .bytes(let bytes) = try #require(response).body else { return .null }
        return try JSON(parsing: bytes)
    }

    @Test(arguments: ["/_ping", "/v1.50/images/json", "/", "/healthz/x", "/layerd"])
    func `leave to others what is not theirs`(path: String) async throws {
        #expect(try await respond("GET", path) == nil)
    }

    @Test func `answer for what is under their roof and is not there`() async throws {
        #expect(try await respond("GET", "/layerd/v1/nonsense")?.status == 404)
        let wrong = try #require(try await respond("GET", "/layerd/v1/pull"))
        #expect(wrong.status == 405 && wrong.headers.first("Allow") == "POST")
    }

    @Test func `say that they are alive and ready`() async throws {
        #expect(try await respond("GET", "/healthz")?.status == 200)
        #expect(try await respond("GET", "/readyz")?.status == 200)
        let status = try json(try await respond("GET", "/layerd/v1/status"))
        #expect(status["version"]?.string == "1.2.3")
        #expect(status["catalogue"]?["images"]?.integer == 0)
        #expect(status["store"]?["blobs"] == ["logical": 3, "physical": 4096])
    }

    @Test func `tell a pull line by line`() async throws {
        let layer = ScriptedPuller.layer
        var puller = ScriptedPuller()
        puller.events = [
            .layer(layer, .waiting), .layer(layer, .downloading(current: 10, total: 100)),
            .layer(layer, .downloading(current: 20, total: 100)), .layer(layer, .retrying(after: .milliseconds(1500))),
            .total(PullTotals(layers: 1, layersDone: 1, bytes: 100, received: 100, shared: 5)),
            .layer(layer, .complete),
        ]
        let lines = try await stream(puller)
        #expect(lines.map { $0["type"]?.string } == ["resolved", "layer", "layer", "layer", "total", "layer", "done"])
        #expect(lines[0]["image"]?.string == "docker.io/library/x:latest")
        #expect(lines[0]["layers"]?.array?.first?["size"]?.integer == 100)
        #expect(lines[2]["current"]?.integer == 10, "the second figure came too soon after the first to be told")
        #expect(lines[3]["retryAfterSeconds"]?.integer == 2)
        #expect(lines[6]["fetchedBytes"]?.integer == 100 && lines[6]["sharedBytes"]?.integer == 5)
    }

    @Test func `tell what a pull failed of after it had begun, in its last line`() async throws {
        var puller = ScriptedPuller()
        puller.ending = Broken(kind: .integrity)
        let last = try #require(try await stream(puller).last)
        #expect(last == ["type": "error", "message": "it broke", "kind": "integrity"])
    }

    @Test func `cut the answer when a pull is cancelled, lest it look whole`() async throws {
        var puller = ScriptedPuller()
        puller.ending = CancellationError()
        await #expect(throws: CancellationError.self) { try await stream(puller) }
    }

    @Test(arguments: [
        (FaultKind.notFound, 404), (.unauthenticated, 403), (.rateLimited(retryAfter: nil), 429),
        (.unavailable(retryAfter: nil), 502), (.timedOut, 504), (.outOfSpace, 507), (.internalFailure, 500),
    ])
    func `refuse with a status what cannot begin`(kind: FaultKind, status: Int) async throws {
        var puller = ScriptedPuller()
        puller.fault = Broken(kind: kind)
        let response = try #require(try await respond("POST", "/layerd/v1/pull?image=x", puller))
        #expect(response.status == status)
        #expect(try json(response)["message"]?.string == "it broke")
    }

    @Test(arguments: ["", "?image=", "?image=UPPER/x:y:z", "?image=x&platform=a/b/c/d/e"])
    func `refuse a question that makes no sense`(query: String) async throws {
        #expect(try await respond("POST", "/layerd/v1/pull" + query)?.status == 400)
    }

    private func stream(_ puller: ScriptedPuller) async throws -> [JSON] {
        let response = try #require(try await respond("POST", "/layerd/v1/pull?image=x", puller))
        guard case .stream(let run) = response.body else { return [] }
        let written = Written()
        try await run(written)
        return try await written.lines
    }
}
