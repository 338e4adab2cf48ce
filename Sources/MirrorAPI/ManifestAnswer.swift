internal import OCI
internal import Pulling
internal import Serving

extension MirrorRoutes {
    /// The stored bytes with their own type, whatever `Accept` says: nothing is converted, and who cannot read
    /// the type says so better than we could. HEAD has the same headers.
    func manifestAnswer(_ reference: Reference, _ request: ServerRequest) async throws -> ServerResponse {
        let manifest = try await content.manifest(reference)
        let digest = manifest.descriptor.digest
        var response = ServerResponse(status: 200, body: .bytes(manifest.bytes))
        response.addCommonHeaders()
        response.headers.add("Content-Type", manifest.descriptor.mediaType.text)
        response.headers.add("Docker-Content-Digest", digest.description)
        response.headers.add("ETag", "\"\(digest)\"")
        response.headers.add("X-Layerd-Source", manifest.source.rawValue)
        if let age = manifest.age { response.headers.add("Age", String(age.components.seconds)) }
        if manifest.isUnconfirmed, manifest.source == .stale, let age = manifest.age {
            let registry = reference.repository.domain
            response.headers.add(
                "Warning",
                "299 - \"\(registry) does not answer: \(reference.familiar) is as of \(age.components.seconds) s ago\"")
        }
        if Precondition.isUnchanged(request, etag: "\"\(digest)\"") {
            response.status = 304
            response.body = .none
        }
        return response
    }
}

/// Conditions of a request on what the client has (RFC 9110, 13).
enum Precondition {
    /// Whether the client has this very content: `If-None-Match`, compared weakly.
    static func isUnchanged(_ request: ServerRequest, etag: String) -> Bool {
        request.headers.all("If-None-Match").contains { value in
            value.split(separator: ",").contains { candidate in
                let candidate = candidate.drop { $0 == " " || $0 == "\t" }
                let strong = candidate.hasPrefix("W/") ? candidate.dropFirst(2) : candidate
                return strong == "*" || trimmed(strong) == etag
            }
        }
    }

    /// Whether a range may be given: there is no `If-Range`, or it names this content, compared strongly.
    static func allowsRange(_ request: ServerRequest, etag: String) -> Bool {
        request.headers.first("If-Range").map { $0 == etag } ?? true
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
