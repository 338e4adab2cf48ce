internal import OCI
internal import Pulling
internal import Registry
internal import Serving
internal import Storage

/// `GET /layerd/v1/plan?image=…&image=…&platform=…`: what pulls would do now, to the byte; of several images together,
/// a blob that two of them want counts once.
extension NativeRoutes {
    /// More than any warm list has.
    private static let maximumImages = 1_000

    func plan(_ request: ServerRequest) async throws -> ServerResponse {
        let parameters = Parameters(request)
        let names = parameters.list("image")
        guard !names.isEmpty else { throw BadParameter(reason: "the image to plan is missing: add ?image=NAME") }
        guard names.count <= Self.maximumImages else {
            throw BadParameter(reason: "more than \(Self.maximumImages) images cannot be planned together")
        }
        let platform = try parameters.first("platform").map { try Platform(parsing: $0) }
        let credential = Credential(registryAuth: request.headers.first("X-Registry-Auth"))
        var requests: [PullRequest] = []
        for name in names {
            requests.append(
                PullRequest(reference: try Reference(parsing: name), platform: platform, credential: credential))
        }
        let held = try await context.store.ingests().map { ($0.digest, $0.bytes) }
        let report = try await context.planner.plan(
            requests, held: Dictionary(held, uniquingKeysWith: { max($0, $1) }))
        // Alone, its error is the answer's; among others, it is that image's.
        if report.images.count == 1, case .failure(let error) = report.images[0].outcome { throw error }
        return Self.json(200, Self.json(of: report))
    }

    static func json(of report: PlanReport) -> JSON {
        let blobs = report.blobs
        return [
            "image": .string(report.images.map(\.reference.description).joined(separator: ",")),
            "images": .array(report.images.map { entry(of: $0.reference, $0.outcome) }),
            "blobs": .array(blobs.map(json(of:))),
            "bytesToFetch": .integer(report.bytesToFetch),
            "bytesPresent": .integer(blobs.reduce(0) { $0 &+ ($1.size - $1.bytesToFetch) }),
            "registryPulls": .integer(Int64(report.registryPulls)),
        ]
    }

    private static func entry(of reference: Reference, _ outcome: Result<PlannedImage, any Error>) -> JSON {
        switch outcome {
        case .failure(let error):
            let kind = (error as? any Fault)?.kind ?? .internalFailure
            return [
                "image": .string(reference.description), "error": .string(sentence(for: error)),
                "kind": .string(kind.word),
            ]
        case .success(let image):
            return [
                "image": .string(reference.description), "digest": .string("\(image.target.digest)"),
                "manifest": .string("\(image.manifest.digest)"), "upToDate": .bool(image.upToDate),
                "blobs": .array(image.blobs.map { .string("\($0.digest)") }),
                "size": .integer(image.blobs.reduce(0) { $0 &+ $1.size }),
                "bytesToFetch": .integer(image.blobs.reduce(0) { $0 &+ $1.bytesToFetch }),
                "registryPulls": .integer(Int64(image.registryPulls)),
            ]
        }
    }

    private static func json(of blob: PlannedBlob) -> JSON {
        var members: [JSON.Member] = [
            .init("digest", .string("\(blob.digest)")), .init("size", .integer(blob.size)),
        ]
        switch blob.state {
        case .present: members.append(.init("state", "present"))
        case .partial(let held): members += [.init("state", "partial"), .init("held", .integer(held))]
        case .missing: members.append(.init("state", "missing"))
        }
        return .object(members)
    }
}
