internal import OCI
internal import Pulling
internal import Registry
internal import Serving

/// `POST /images/create`.
///
/// What can fail before the first byte of a layer fails as an HTTP error: SDKs look at nothing else. After that the
/// answer is 200, and an error a frame in it.
extension EngineRoutes {
    func imageCreate(_ call: Call) async throws -> Reply {
        let parameters = try PullParameters(call)
        let credential = Credential(registryAuth: call.headers.first("X-Registry-Auth"))
        switch parameters.wanted {
        case .one(let reference):
            let request = PullRequest(reference: reference, platform: parameters.platform, credential: credential)
            let pull = try await context.puller.pull(request)
            return .stream { writer in
                let stream = PullStream(writer: writer)
                try await stream.endingInFrame { try await stream.one(pull, reference) }
            }
        case .allTags(let repository):
            return try await allTags(of: repository, parameters.platform, credential)
        }
    }

    /// One tag after the other; the first before the answer begins.
    private func allTags(
        of repository: Repository, _ platform: Platform?, _ credential: Credential?
    ) async throws -> Reply {
        let tags = try await context.puller.tags(of: repository, credential: credential)
        let requests = tags.map { tag in
            PullRequest(
                reference: Reference(repository, tag: tag, digest: nil), platform: platform, credential: credential)
        }
        guard let first = requests.first else { throw EngineError.noTags(repository) }
        let pull = try await context.puller.pull(first)
        return .stream { [puller = context.puller] writer in
            let stream = PullStream(writer: writer)
            try await stream.endingInFrame {
                var upToDate = try await stream.block(pull, first.reference)
                for request in requests.dropFirst() {
                    upToDate = try await stream.block(try await puller.pull(request), request.reference) && upToDate
                }
                try await stream.write(PullFrames.status(repository.familiar, upToDate: upToDate))
            }
        }
    }
}

/// The frames of a pull on their way to one client. When the client leaves, a write or the next event throws, the
/// pull is let go, and the puller ends it if nobody else waits for it.
private struct PullStream {
    let writer: any ResponseWriter

    func write(_ frame: PullFrames.Frame) async throws { try await writer.write(PullFrames.line(frame)) }

    func one(_ pull: Pull, _ reference: Reference) async throws {
        let upToDate = try await block(pull, reference)
        try await write(PullFrames.status(reference.familiar, upToDate: upToDate))
    }

    /// All but the status line; whether the image was up to date.
    func block(_ pull: Pull, _ reference: Reference) async throws -> Bool {
        var frames = PullFrames(reference)
        try await write(frames.opening)
        for try await event in pull.events where !pull.upToDate {
            for frame in frames.take(event, at: .now) { try await write(frame) }
        }
        let outcome = try await pull.outcome()
        try await write(PullFrames.digest(outcome.digest))
        return outcome.upToDate
    }

    /// What fails in `body` is told in a frame, except that the client left or the daemon stops: a stream that ends
    /// well is a success to the docker command, so then the connection is cut.
    func endingInFrame(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let gone where gone is ClientGone || gone is CancellationError {
            throw gone
        } catch {
            try await write(PullFrames.failure(sentence(for: error)))
        }
    }
}
