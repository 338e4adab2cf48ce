internal import EngineAPI
internal import Logging
internal import NativeAPI
internal import Observability
internal import Serving

/// The control socket: our own routes by their prefixes, everything else is the Docker Engine API.
struct ControlHandler: RequestHandler {
    let engine: EngineRoutes
    let native: NativeRoutes
    let metrics: DaemonMetrics
    /// `nil` where the socket's mode says who may come, and everyone who does may do everything.
    let access: ControlAccess?
    let logger: Logger

    func respond(to request: ServerRequest) async -> ServerResponse {
        let began = ContinuousClock.now
        let answer: ServerResponse
        let api: String
        if let reason = access?.refusal(of: request) {
            (answer, api) = (engine.refuse(reason), "refused")
        } else if let own = await native.respond(to: request) {
            (answer, api) = (own, "native")
        } else {
            (answer, api) = (await engine.respond(to: request), "engine")
        }
        let took = ContinuousClock.now - began
        metrics.requests[api].observe(took)
        if answer.status >= 500 { metrics.failedRequests[api, "\(answer.status)"].add() }
        log(request, answer, took)
        return answer
    }

    /// With who asked, by the kernel's word. Reading is routine; what changes something, fails or is refused, an
    /// operator may look for. Queries are left out: they may hold what is nobody's business.
    private func log(_ request: ServerRequest, _ response: ServerResponse, _ duration: Duration) {
        let reading = request.method == "GET" || request.method == "HEAD"
        logger.log(
            level: response.status >= 500 || response.status == 403 ? .warning : reading ? .debug : .info, "request",
            metadata: [
                "method": "\(request.method)", "path": "\(request.path)", "status": "\(response.status)",
                "uid": "\(request.peer.map { "\($0.uid)" } ?? "-")",
                "gid": "\(request.peer.map { "\($0.gid)" } ?? "-")",
                "pid": "\(request.peer.map { "\($0.pid)" } ?? "-")",
                "took": "\(duration)",
            ])
    }
}
