internal import Catalogue
internal import OCI
internal import Pulling
internal import Serving

/// `pins`, `gc` and `prune`: what stays and what goes.
extension NativeRoutes {
    /// Blobs that no image uses, and interrupted transfers, are kept so long for a pull that comes back.
    static let grace: Duration = .seconds(60 * 60)

    /// `GET /layerd/v1/pins`: every pinned name with the image it points to.
    func pins() async throws -> ServerResponse {
        let pinned = try await context.catalogue.names().filter(\.isPinned)
        let pins = pinned.map { name -> JSON in
            ["image": .string(name.reference.description), "digest": .string("\(name.descriptor.digest)")]
        }
        return Self.json(200, ["pins": .array(pins)])
    }

    /// `POST` and `DELETE /layerd/v1/pins?image=…`: pin and unpin, one name or several.
    func changePins(_ request: ServerRequest, pinned: Bool) async throws -> ServerResponse {
        let images = Parameters(request).list("image")
        guard !images.isEmpty else { throw BadParameter(reason: "the image is missing: add ?image=NAME") }
        var names: [Reference] = []
        for image in images {
            names += try await pinned ? context.collector.pin(image) : context.collector.unpin(image)
        }
        return Self.json(
            200, ["pinned": .bool(pinned), "images": .array(names.map { .string($0.description) })])
    }

    /// `POST /layerd/v1/gc?dry_run=1&grace=SECONDS`: a sweep for what nobody needs.
    func sweep(_ request: ServerRequest) async throws -> ServerResponse {
        let parameters = Parameters(request)
        let dryRun = try parameters.flag("dry_run")
        var grace = Self.grace
        if let text = parameters.first("grace") {
            guard let seconds = Int64(text), 0...Int64(Int32.max) ~= seconds else {
                throw BadParameter(reason: "grace is a number of seconds, not \"\(text.prefix(64))\"")
            }
            grace = .seconds(seconds)
        }
        let report = try await context.collector.sweep(
            context.swept, grace: grace, dryRun: dryRun, now: context.now())
        return Self.json(
            200,
            [
                "dryRun": .bool(dryRun), "blobs": .integer(Int64(report.blobs.count)),
                "ingests": .integer(Int64(report.ingests.count)),
                "bytes": .integer(report.blobBytes + report.ingestBytes), "blobBytes": .integer(report.blobBytes),
                "ingestBytes": .integer(report.ingestBytes), "left": .integer(Int64(report.left)),
                "digests": .array(report.blobs.prefix(10_000).map { .string("\($0.digest)") }),
            ])
    }

    /// `POST /layerd/v1/prune?all=1&dry_run=1`: removes images that nobody names, or that nobody holds.
    func prune(_ request: ServerRequest) async throws -> ServerResponse {
        let parameters = Parameters(request)
        let dryRun = try parameters.flag("dry_run")
        let report = try await context.collector.prune(all: try parameters.flag("all"), dryRun: dryRun)
        let images = report.images.map { image -> JSON in
            [
                "id": .string("\(image.id)"), "tags": .array(image.tags.map { .string($0.description) }),
                "size": .integer(image.size),
            ]
        }
        return Self.json(
            200, ["dryRun": .bool(dryRun), "images": .array(images), "bytes": .integer(report.bytes)])
    }
}
