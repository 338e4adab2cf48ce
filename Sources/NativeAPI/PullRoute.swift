internal import OCI
internal import Pulling
internal import Registry
internal import Serving

/// `POST /layerd/v1/pull?image=…&platform=…`: the work of `/images/create`, as newline-delimited JSON with totals, rate
/// and the time that is left. What fails before the manifest is here is an HTTP error; after that, a line.
extension NativeRoutes {
    func pull(_ request: ServerRequest) async throws -> ServerResponse {
        func parameter(_ name: String) -> String? { request.query.first { $0.name == name }?.value }
        guard let image = parameter("image"), !image.isEmpty else {
            return Self.message(400, "the image to pull is missing: add ?image=NAME")
        }
        let pull = try await context.puller.pull(
            PullRequest(
                reference: try Reference(parsing: image),
                platform: try parameter("platform").flatMap { $0.isEmpty ? nil : try Platform(parsing: $0) },
                credential: Credential(registryAuth: request.headers.first("X-Registry-Auth"))))
        return ServerResponse(
            status: 200, headers: ServerHeaders([("Content-Type", "application/x-ndjson")]),
            body: .stream { writer in try await Self.tell(pull, to: writer) })
    }

    private static func tell(_ pull: Pull, to writer: any ResponseWriter) async throws {
        func write(_ line: JSON) async throws { try await writer.write(line.serialized() + [UInt8(ascii: "\n")]) }
        do {
            try await write(PullLines.resolved(pull))
            var lines = PullLines()
            for try await event in pull.events {
                if let line = lines.line(event, at: .now) { try await write(line) }
            }
            try await write(PullLines.done(try await pull.outcome()))
        } catch let gone where gone is ClientGone || gone is CancellationError {
            // Cut, without the end of the stream: whoever is left on the other side must not take it for a success.
            throw gone
        } catch {
            try await write(PullLines.failed(error))
        }
    }
}
