internal import Catalogue
internal import OCI
internal import Serving
internal import Storage

/// `GET /layerd/v1/df?images=a,b&blobs=0`: what everything takes, in totals, for each image, and for each blob with the
/// number of images that use it.
extension NativeRoutes {
    func usage(_ request: ServerRequest) async throws -> ServerResponse {
        let parameters = Parameters(request)
        var head: [JSON.Member] = [.init("totals", try await totalUsage())]
        let asked = parameters.list("images")
        if !asked.isEmpty {
            var ids: [Digest] = []
            for text in asked { ids.append(try await context.catalogue.resolve(text).id) }
            head.append(.init("reclaimable", .integer(try await context.catalogue.reclaimable(of: Set(ids)))))
        }
        let images = try await context.catalogue.images()
        let problems = Dictionary(
            try await context.catalogue.problems().map { ($0.image, $0.problem) }, uniquingKeysWith: { $1 })
        let wantsBlobs = try parameters.first("blobs") == nil || parameters.flag("blobs")
        let (catalogue, beginning) = (context.catalogue, head)
        return ServerResponse(
            status: 200, headers: ServerHeaders([("Content-Type", "application/json")]),
            body: .stream { writer in
                // A large store has hundreds of thousands of blobs: the answer is written in pieces, never held whole.
                try await writer.write(Array(JSON.object(beginning).serialized().dropLast() + ",\"images\":[".utf8))
                try await Self.write(images, to: writer) { image in
                    Self.usage(of: image, problem: problems[image.id])
                }
                try await writer.write(Array("]".utf8))
                if wantsBlobs {
                    try await writer.write(Array(",\"blobs\":[".utf8))
                    try await Self.writeBlobs(of: catalogue, to: writer)
                    try await writer.write(Array("]".utf8))
                }
                try await writer.write(Array("}\n".utf8))
            })
    }

    private func totalUsage() async throws -> JSON {
        let totals = try await context.catalogue.totals()
        let usage = try await context.store.usage()
        let catalogue = try await context.catalogue.fileSizes()
        return [
            "images": .integer(Int64(totals.images)), "references": .integer(Int64(totals.references)),
            "blobs": .integer(Int64(totals.blobs)), "layersSize": .integer(totals.layersSize),
            "reclaimable": .integer(try await context.catalogue.reclaimable()),
            "logical": .integer(usage.blobs.logical), "physical": .integer(usage.blobs.physical),
            "ingest": Self.part(usage.ingest), "quarantine": Self.part(usage.quarantine),
            "catalogue": ["logical": .integer(catalogue.logical), "physical": .integer(catalogue.physical)],
        ]
    }

    static func part(_ part: StoreUsage.Part) -> JSON {
        ["logical": .integer(part.logical), "physical": .integer(part.physical)]
    }

    /// - Parameter problem: how its layers are not what its config says.
    static func usage(of image: ImageSummary, problem: String?) -> JSON {
        [
            "id": .string("\(image.id)"), "tags": .array(image.tags.map { .string($0.description) }),
            "digests": .array(image.digests.map { .string($0.description) }), "size": .integer(image.size),
            "sharedSize": .integer(image.sharedSize), "uniqueSize": .integer(image.size - image.sharedSize),
            "unpackedSize": image.unpackedSize.map { .integer($0) } ?? .null,
            "created": image.created.map { .string($0.description) } ?? .null,
            "recorded": .string(image.recorded.description), "lastUsed": .string(image.lastUsed.description),
            "uses": .integer(image.uses), "holders": .integer(Int64(image.holders)),
            "pinned": .bool(image.pins > 0), "problem": problem.map { .string($0) } ?? .null,
        ]
    }

    private static func writeBlobs(of catalogue: Catalogue, to writer: any ResponseWriter) async throws {
        var last: Digest?
        var first = true
        while true {
            let page = try await catalogue.blobs(after: last, count: 1_000)
            guard let end = page.last else { return }
            if !first { try await writer.write(Array(",".utf8)) }
            try await write(page, to: writer) { blob in
                [
                    "digest": .string("\(blob.digest)"), "mediaType": .string(blob.mediaType.text),
                    "role": .string(blob.role.rawValue), "size": .integer(blob.size),
                    "users": .integer(Int64(blob.users)),
                    "unpackedSize": blob.unpackedSize.map { .integer($0) } ?? .null,
                    "diffId": blob.diffID.map { .string("\($0)") } ?? .null,
                ]
            }
            (last, first) = (end.digest, false)
        }
    }

    /// Elements of an array, with commas between them.
    private static func write<Element>(
        _ elements: [Element], to writer: any ResponseWriter, _ json: (Element) -> JSON
    ) async throws {
        for start in stride(from: 0, to: elements.count, by: 500) {
            var bytes: [UInt8] = []
            for (place, element) in elements[start..<min(start + 500, elements.count)].enumerated() {
                if start + place > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes += json(element).serialized()
            }
            try await writer.write(bytes)
        }
    }
}
