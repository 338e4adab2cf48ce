internal import OCI
internal import Pulling
internal import Registry
internal import Serving

/// `POST /layerd/v1/pull?image=…&platform=…`: newline-delimited JSON.
///
/// What fails before the manifest is here is an ordinary HTTP error. After that the answer is 200, and its last line says
/// how the pull ended: `done` or `error`. An answer without such a line was cut.
extension NativeRoutes {
    func pull(_ request: ServerRequest) async throws -> ServerResponse {
        guard let image = try parameter("image", of: request) else { throw NativeError.missingParameter("image") }
        let wanted = PullRequest(
            reference: try Reference(parsing: image).forPull,
            platform: try parameter("platform", of: request).map { try Platform(parsing: $0) },
            credential: Credential(registryAuth: request.headers.first("X-Registry-Auth")))
        let pull = try await context.puller.pull(wanted)
        let headers = ServerHeaders([("Content-Type", "application/x-ndjson")])
        return ServerResponse(status: 200, headers: headers, body: .stream { try await stream(pull, to: $0) })
    }

    /// When the client leaves, a write or the next event throws, the pull is let go, and the puller ends it if nobody else
    /// waits for it.
    private func stream(_ pull: Pull, to writer: any ResponseWriter) async throws {
        do {
            var report = PullReport(
                reference: pull.reference, target: pull.target, layers: pull.layers, upToDate: pull.upToDate)
            try await writer.write(Reply.line(report.resolved))
            for try await event in pull.events {
                try await writer.write(Reply.line(report.line(event, at: context.now() - context.started)))
            }
            try await writer.write(Reply.line(PullReport.done(try await pull.outcome())))
        } catch let gone where gone is ClientGone || gone is CancellationError {
            // Cut, so that nobody takes it for an end.
            throw gone
        } catch {
            try await writer.write(Reply.line(PullReport.failed(error)))
        }
    }

    /// The value of a parameter that may come once; nil when it is missing or empty.
    private func parameter(_ name: String, of request: ServerRequest) throws -> String? {
        let values = request.parameters(name)
        guard values.count <= 1 else { throw NativeError.repeatedParameter(name) }
        return values.first.flatMap { $0.isEmpty ? nil : $0 }
    }
}
