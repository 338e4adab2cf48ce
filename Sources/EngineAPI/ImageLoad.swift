internal import Archives
internal import OCI
internal import Serving

/// `POST /images/load`. The answer is always 200 and a stream, errors are frames in it: docker's clients look there.
extension EngineRoutes {
    func imageLoad(_ call: Call) async throws -> Reply {
        let platform = try call.platform(since: .v1(48))
        // Missing means quiet to dockerd.
        let isQuiet = call["quiet"].map(dockerBoolean) ?? true
        // A client that waits for "100 Continue" is sent it by the first read, and never once the answer has begun.
        var rest = call.body.makeAsyncIterator()
        let pieces = BodyPieces(first: try await rest.next(), rest: rest)
        return .stream { [loader = context.loader] writer in
            do {
                try await loader.load(pieces, platform: platform) { step in
                    guard let frame = Self.frame(step, isQuiet: isQuiet) else { return }
                    try await writer.write(PullFrames.line(frame))
                }
            } catch let gone where gone is ClientGone || gone is CancellationError {
                // Cut: a stream that ends well is a success to the docker command.
                throw gone
            } catch {
                try await writer.write(PullFrames.line(PullFrames.failure(sentence(for: error))))
            }
        }
    }

    /// docker-py finds the images it loaded by the two sentences that begin with "Loaded image".
    private static func frame(_ step: LoadStep, isQuiet: Bool) -> PullFrames.Frame? {
        switch step {
        case .layer(let diffID, let current, let total):
            isQuiet
                ? nil
                : [
                    "status": "Loading layer",
                    "progressDetail": ["current": .integer(current), "total": .integer(total)],
                    "id": .string(diffID.short),
                ]
        case .renaming(let reference, let old):
            [
                "stream": .string(
                    "The image \(reference.familiar) already exists, renaming the old one with ID \(old) "
                        + "to empty string\n")
            ]
        case .loaded(let reference): ["stream": .string("Loaded image: \(reference.familiar)\n")]
        case .loadedID(let id): ["stream": .string("Loaded image ID: \(id)\n")]
        }
    }
}

/// A body of which the first piece has been read.
private struct BodyPieces: AsyncSequence, Sendable {
    let first: [UInt8]?
    let rest: RequestBody.Iterator

    struct Iterator: AsyncIteratorProtocol {
        var first: [UInt8]?
        var rest: RequestBody.Iterator

        mutating func next() async throws -> [UInt8]? {
            if let piece = first {
                first = nil
                return piece
            }
            return try await rest.next()
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(first: first, rest: rest) }
}
