import Archives
import Catalogue
import EngineAPI
import OCI
import Pulling
import Serving
import Storage
import TestSupport

/// A daemon whose clock stands still.
let testNow = Timestamp(seconds: 1_767_323_045)

let testFacts = DaemonFacts(
    version: "0.1.0", gitCommit: "abcdef0", buildTime: Timestamp(seconds: 1_767_323_045), identity: "test-identity",
    rootDirectory: "/var/lib/layerd", started: testNow,
    machine: MachineFacts(
        hostName: "host1", kernelVersion: "6.1.0", operatingSystem: "Debian GNU/Linux 12 (bookworm)",
        systemVersion: "12", processors: 2, memory: 25_165_824_000),
    hubMirrors: ["https://mirror.example.com"], insecureRegistries: ["registry.example.com:5000"])

/// The routes over a catalogue and a store in memory.
struct EngineFixture {
    let catalogue: Catalogue
    let store = MemoryContentStore()
    let events: ImageEventLog
    let collector: Collector
    let projected = Projection()
    let routes: EngineRoutes

    init(
        puller: any ImagePuller = ScriptedPuller(), registry: ScriptedRegistry = ScriptedRegistry(),
        now: Timestamp = testNow
    ) async throws {
        catalogue = try await Catalogue.open(path: nil, now: { now })
        events = ImageEventLog { now }
        collector = Collector(store: store, catalogue: catalogue, events: events) { [projected] in
            await projected.set($0)
        }
        routes = EngineRoutes(
            context: EngineContext(
                catalogue: catalogue, store: store, puller: puller, collector: collector,
                saver: ImageSaver(catalogue: catalogue, store: store, collector: collector, events: events),
                loader: ImageLoader(catalogue: catalogue, store: store, collector: collector, events: events),
                events: events, registry: registry, daemon: testFacts, now: { now }))
    }

    struct Answer {
        var status: Int
        var headers: ServerHeaders
        var body: [UInt8]
        /// What ended a streamed body, if it did not end well.
        var failure: (any Error)?

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSON { get throws { try JSON(parsing: body.last == 0x0A ? body.dropLast() : body[...]) } }
        /// Of an error.
        var message: String? { get throws { try json["message"]?.string } }
        /// Of a stream.
        var frames: [JSON] {
            get throws { try text.split(separator: "\r\n").map { try JSON(parsing: Array($0.utf8)) } }
        }
    }

    func ask(
        _ method: String, _ target: String, headers: [(String, String)] = [], body: String = ""
    ) async throws -> Answer {
        let body = RequestBody(Array(body.utf8))
        guard let request = ServerRequest(method, target, headers: ServerHeaders(headers), body: body) else {
            throw BadTarget(target: target)
        }
        let response = await routes.respond(to: request)
        var answer = Answer(status: response.status, headers: response.headers, body: [], failure: nil)
        switch response.body {
        case .none, .file: break
        case .bytes(let bytes): answer.body = bytes
        case .stream(let run):
            let sink = CollectingWriter()
            do { try await run(sink) } catch { answer.failure = error }
            answer.body = await sink.bytes
        }
        return answer
    }

    func get(_ target: String) async throws -> Answer { try await ask("GET", target) }
}

struct BadTarget: Error {
    var target: String
}

/// What `index.json` would hold.
actor Projection {
    private(set) var names: [String] = []
    func set(_ entries: [NamedDescriptor]) { names = entries.map(\.reference.familiar) }
}
