internal import Catalogue
internal import OCI

/// `GET /images/json` and `GET /system/df`.
extension EngineRoutes {
    func imageList(_ call: Call) async throws -> Reply {
        let filter = try await imageFilter(call)
        let shared = call.version >= .v1(42) && call.flag("shared-size")
        let manifests = call.version >= .v1(47) && call.flag("manifests")
        let shape = ImageRow.Shape(call.version, holders: call.version >= .v1(51), sharedSize: shared)
        if filter.isEmpty, !manifests { return .pieces(try await rows(shape).array(after: [], before: [newline])) }
        let images = try await context.catalogue.reduceImages(into: [(row: ImageRow, image: ImageSummary)]()) {
            if let row = filter.apply(to: ImageRow($1)) { $0.append((row, $1)) }
        }
        var rows: [JSON] = []
        for (row, image) in images {
            rows.append(row.json(shape, manifests: manifests ? try await manifestList(of: image) : nil))
        }
        return .json(.array(rows))
    }

    private func imageFilter(_ call: Call) async throws -> ImageFilter {
        let filters = try Filters(parsing: call["filters"])
        var filter = try ImageFilter(filters, now: context.now())
        if call.version < .v1(41), let glob = call["filter"], !glob.isEmpty { filter.references.append(glob) }
        for name in filters["before"] { filter.before.append(try await built(name)) }
        for name in filters["since"] { filter.since.append(try await built(name)) }
        return filter
    }

    private func built(_ name: String) async throws -> Timestamp {
        try await context.catalogue.resolve(name).created ?? ImageFilter.unknownBuild
    }

    func manifestList(of image: ImageSummary) async throws -> JSON {
        let entries = try await context.catalogue.manifests(of: image.id)
        let sizes = try await context.catalogue.blobs(of: image.id).map { ($0.digest, $0.size) }
        let present = Dictionary(sizes, uniquingKeysWith: { first, _ in first })
        var rows: [JSON] = []
        for entry in entries {
            var row = ManifestRow(entry)
            if entry.kind == .image { row.platform = await knownPlatform(of: entry) }
            rows.append(row.json(present: present))
        }
        return .array(rows)
    }

    /// One image whose config is lost or damaged is no reason to show no list.
    private func knownPlatform(of entry: ManifestEntry) async -> Platform? {
        do { return try await platform(of: entry) } catch { return nil }
    }

    func diskUsage(_ call: Call) async throws -> Reply {
        let types = try DiskUsage.types(call)
        guard types.contains(.image) else {
            return .json(DiskUsage.report(types, layersSize: 0, images: []))
        }
        let rows = try await rows(.diskUsage(call.version))
        return .pieces(DiskUsage.rendered(types, rows))
    }
}

private let newline = UInt8(ascii: "\n")

/// One manifest of an image in the list of clients that ask for `manifests`.
struct ManifestRow: Sendable {
    var descriptor: Descriptor
    var platform: Platform?
    var kind: ManifestEntry.Kind
    var available: Bool
    var config: Descriptor?
    var layers: [Descriptor]
    var attestationFor: Digest?

    init(_ entry: ManifestEntry) {
        descriptor = entry.descriptor
        platform = entry.descriptor.platform
        kind = entry.kind
        available = entry.available
        config = entry.config
        layers = entry.layers
        attestationFor = entry.attestationFor
    }

    /// - Parameter present: sizes of the image's blobs that are here. layerd keeps nothing unpacked, so the content is
    ///   all there is.
    func json(present: [Digest: Int64]) -> JSON {
        let digests = Set([descriptor.digest] + [config].compactMap { $0?.digest } + layers.map(\.digest))
        let content = available ? digests.reduce(0) { $0 + (present[$1] ?? 0) } : 0
        return .fields([
            "ID": .string(descriptor.digest.description),
            "Descriptor": descriptor.brief,
            "Available": .bool(available),
            "Size": ["Content": .integer(content), "Total": .integer(content)],
            "Kind": .string(kind.rawValue),
            "ImageData": imageData.when(kind == .image),
            "AttestationData": attestationData.when(kind == .attestation),
        ])
    }

    private var imageData: JSON {
        ["Platform": platform?.json ?? .object([]), "Size": ["Unpacked": 0], "Containers": .null]
    }

    private var attestationData: JSON { ["For": .string(attestationFor?.description ?? "")] }
}

/// The parts of `/system/df`, of which layerd has but images.
enum DiskUsage {
    enum Kind: String, CaseIterable, Sendable {
        case image
        case container
        case volume
        case buildCache = "build-cache"
    }

    /// - Throws: ``EngineError/unknownObjectType(_:)``.
    static func types(_ call: Call) throws(EngineError) -> Set<Kind> {
        let texts = call.query.filter { $0.name == "type" }.map(\.value)
        guard call.version >= .v1(42), !texts.isEmpty else { return Set(Kind.allCases) }
        var types: Set<Kind> = []
        for text in texts {
            guard let type = Kind(rawValue: text) else { throw .unknownObjectType(text) }
            types.insert(type)
        }
        return types
    }

    /// The same report, its images in text already.
    static func rendered(_ types: Set<Kind>, _ rows: ImageText.Reading) -> [[UInt8]] {
        var (head, text): ([UInt8], [UInt8]) = ([], [])
        for member in report(types, layersSize: rows.totals.layersSize, images: []).members ?? [] {
            text += [UInt8(ascii: text.isEmpty && head.isEmpty ? "{" : ",")] + JSON.string(member.key).serialized()
            text.append(UInt8(ascii: ":"))
            if member.key == "Images" { (head, text) = (text, []) } else { text += member.value.serialized() }
        }
        return rows.array(after: head, before: text + Array("}\n".utf8))
    }

    /// Kinds that were not asked for are null.
    static func report(_ types: Set<Kind>, layersSize: Int64, images: [JSON]) -> JSON {
        [
            "LayersSize": .integer(layersSize),
            "Images": types.contains(.image) ? .array(images) : .null,
            "Containers": types.contains(.container) ? [] : .null,
            "Volumes": types.contains(.volume) ? [] : .null,
            "BuildCache": types.contains(.buildCache) ? [] : .null,
        ]
    }
}
