internal import Catalogue
internal import EngineAPI
internal import Logging
internal import NativeAPI
internal import OCI
internal import Pulling
internal import Serving
internal import Storage

/// What the routes of the control socket work with.
struct ControlParts: Sendable {
    let catalogue: Catalogue
    let store: any ContentStore
    let puller: any ImagePuller
    let facts: DaemonFacts
    let started: ContinuousClock.Instant
    let logger: Logger
}

/// The control socket: our own routes by their prefixes, everything else is the Docker Engine API.
struct ControlHandler: RequestHandler {
    private let engine: EngineRoutes
    private let native: NativeRoutes
    private let logger: Logger

    init(parts: ControlParts) {
        engine = EngineRoutes(
            EngineContext(
                catalogue: parts.catalogue, store: parts.store, puller: parts.puller, daemon: parts.facts,
                now: { Timestamp.now() }))
        native = NativeRoutes(
            NativeContext(
                catalogue: parts.catalogue, store: parts.store, puller: parts.puller, version: Version.current,
                started: parts.started))
        logger = parts.logger
    }

    func respond(to request: ServerRequest) async -> ServerResponse {
        let began = ContinuousClock.now
        let response = await native.respond(to: request)
        let answer: ServerResponse
        if let response { answer = response } else { answer = await engine.respond(to: request) }
        log(request, answer, ContinuousClock.now - began)
        return answer
    }

    /// Reading is routine; what changes something, or fails, an operator may look for. Queries are left out: they may
    /// hold what is nobody's business.
    private func log(_ request: ServerRequest, _ response: ServerResponse, _ duration: Duration) {
        let reading = request.method == "GET" || request.method == "HEAD"
        logger.log(
            level: response.status >= 500 ? .warning : reading ? .debug : .info, "request",
            metadata: [
                "method": "\(request.method)", "path": "\(request.path)", "status": "\(response.status)",
                "uid": "\(request.peer.map { "\($0.uid)" } ?? "-")",
                "pid": "\(request.peer.map { "\($0.pid)" } ?? "-")",
                "took": "\(duration)",
            ])
    }
}
