internal import Catalogue
internal import OCI
internal import Serving
internal import Storage

/// `GET /layerd/v1/df?images=a,b&blobs=0`: what everything takes, in totals, for each image, and for each blob with the
/// number of images that use it.
extension NativeRoutes {
    func usage(_ request: ServerRequest) async throws -> ServerResponse {
        let parameters = Parameters(request)
        var head: [JSON.Member] = []
        let asked = parameters.list("images")
        if !asked.isEmpty {
            var ids: [Digest] = []
            for text in asked { ids.append(try await context.catalogue.resolve(text).id) }
            head.append(.init("reclaimable", .integer(try await context.catalogue.reclaimable(of: Set(ids)))))
        }
        let wantsBlobs = try parameters.first("blobs") == nil || parameters.flag("blobs")
        let (catalogue, images) = (context.catalogue, try await usages.current())
        let totals = JSON.Member("totals", try await totalUsage(images.totals))
        let beginning = JSON.object([totals] + head).serialized().dropLast() + Array(",\"images\":[".utf8)
        return ServerResponse(
            status: 200, headers: ServerHeaders([("Content-Type", "application/json")]),
            body: .stream { writer in
                // A large store has hundreds of thousands of blobs: the answer is written in pieces, never held whole.
                try await writer.write(Array(beginning))
                for (place, piece) in images.pieces.enumerated() {
                    try await writer.write(place == 0 ? Array(piece.dropFirst()) : piece)
                }
                if wantsBlobs {
                    try await writer.write(Array("],\"blobs\":[".utf8))
                    try await Self.writeBlobs(of: catalogue, to: writer)
                }
                try await writer.write(Array("]}\n".utf8))
            })
    }

    private func totalUsage(_ totals: StoreTotals) async throws -> JSON {
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

    static func usage(of image: ImageSummary) -> JSON {
        [
            "id": .string("\(image.id)"), "tags": .array(image.tags.map { .string($0.description) }),
            "digests": .array(image.digests.map { .string($0.description) }), "size": .integer(image.size),
            "sharedSize": .integer(image.sharedSize), "uniqueSize": .integer(image.size - image.sharedSize),
            "unpackedSize": image.unpackedSize.map { .integer($0) } ?? .null,
            "created": image.created.map { .string($0.description) } ?? .null,
            "recorded": .string(image.recorded.description), "lastUsed": .string(image.lastUsed.description),
            "uses": .integer(image.uses), "holders": .integer(Int64(image.holders)),
            "pinned": .bool(image.pins > 0), "problem": image.problem.map { .string($0) } ?? .null,
        ]
    }

    private static func writeBlobs(of catalogue: Catalogue, to writer: any ResponseWriter) async throws {
        var last: Int64 = 0
        while true {
            let page = try await catalogue.blobs(after: last, count: 1_000)
            guard !page.blobs.isEmpty else { return }
            var text = BlobText(isFirst: last == 0)
            for blob in page.blobs { text.add(blob) }
            try await writer.write(text.bytes)
            last = page.last
        }
    }
}

/// Elements of the array of blobs. Written straight, for there may be hundreds of thousands in one answer, and as
/// values they take four times as long.
private struct BlobText {
    private(set) var bytes: [UInt8] = []
    private var isFirst: Bool
    private var mediaTypes: [MediaType: [UInt8]] = [:]

    init(isFirst: Bool) {
        self.isFirst = isFirst
        bytes.reserveCapacity(300_000)
    }

    mutating func add(_ blob: BlobUse) {
        append(isFirst ? "{\"digest\":\"" : ",{\"digest\":\"")
        isFirst = false
        append(blob.digest.description)
        append("\",\"mediaType\":")
        // Of all that is written here, only this may need escapes.
        let known = mediaTypes[blob.mediaType] ?? JSON.string(blob.mediaType.text).serialized()
        mediaTypes[blob.mediaType] = known
        bytes += known
        append(",\"role\":\"")
        append(blob.role.rawValue)
        append("\",\"size\":")
        append(String(blob.size))
        append(",\"users\":")
        append(String(blob.users))
        append(",\"unpackedSize\":")
        append(blob.unpackedSize.map(String.init) ?? "null")
        append(",\"diffId\":")
        if let diffID = blob.diffID {
            append("\"")
            append(diffID.description)
            append("\"}")
        } else {
            append("null}")
        }
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
