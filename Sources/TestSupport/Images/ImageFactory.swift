internal import Hashing
public import OCI

/// Makes real images: tars that unpack, configs with the right diffIDs, manifests and indexes. Everything depends on
/// the seed and the arguments only, so two factories with one seed make images that share all their layers.
public struct ImageFactory: Sendable {
    let seed: UInt64
    private let directory: TemporaryDirectory?
    private let compression: LayerCompression

    /// - Parameters:
    ///   - directory: where layers above 8 MiB are kept; without one everything stays in memory.
    ///   - compression: of layers that do not ask for another one.
    public init(
        seed: UInt64 = 1, directory: TemporaryDirectory? = nil, compression: LayerCompression = .gzip()
    ) {
        self.seed = seed
        self.directory = directory
        self.compression = compression
    }

    /// Makes a layer's tar and its compressed form.
    /// - Throws: ``StandInError``.
    public func layer(
        _ entries: [TarEntry], compression: LayerCompression? = nil
    ) throws -> GeneratedLayer {
        let compression = compression ?? self.compression
        let filter = try compression.makeFilter()
        var spool = LayerSpool(directory: directory)
        var unpacked = Digester()
        var unpackedSize: Int64 = 0
        let tar = TarWriter { piece in
            unpacked.update(piece)
            unpackedSize += Int64(piece.count)
            try spool.append(filter.write(piece))
        }
        for entry in entries { try tar.append(entry) }
        try tar.finish()
        try spool.append(filter.finish())
        let stored = try spool.finish()
        return GeneratedLayer(
            digest: stored.digest, size: spool.size, diffID: unpacked.finalize(), unpackedSize: unpackedSize,
            compression: compression, source: stored.source)
    }

    /// Incompressible bytes that depend on the factory's seed and `name`.
    public func noise(_ name: String, bytes: Int) -> GeneratedSource {
        let mixed = name.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return GeneratedSource(seed: mixed, size: Int64(bytes))
    }

    /// Makes one platform's image: config and manifest.
    public func image(_ recipe: ImageRecipe) -> GeneratedImage {
        let layers = recipe.steps.compactMap { $0.layer?.blob(recipe.format) }
        let config = GeneratedBlob(
            document: recipe.config.serialized(), mediaType: recipe.format.configType)
        return manifest(
            of: config, layers: layers, format: recipe.format, platform: recipe.platform,
            annotations: recipe.annotations)
    }

    /// Makes a manifest of any config and layers, and an image of that manifest alone.
    public func manifest(
        of config: GeneratedBlob, layers: [GeneratedBlob], format: ImageFormat = .oci, platform: Platform? = nil,
        annotations: [String: String] = [:]
    ) -> GeneratedImage {
        var members: [JSON.Member] = [
            JSON.Member("schemaVersion", 2),
            JSON.Member("mediaType", .string(format.manifestType.text)),
            JSON.Member("config", config.descriptor.json),
            JSON.Member("layers", .array(layers.map(\.descriptor.json))),
        ]
        if !annotations.isEmpty { members.append(JSON.Member("annotations", .texts(annotations))) }
        var document = GeneratedBlob(
            document: JSON.object(members).serialized(pretty: 2), mediaType: format.manifestType)
        document.descriptor.platform = platform
        return GeneratedImage(
            document: document,
            manifests: [GeneratedManifest(document: document, config: config, layers: layers)])
    }
}

extension JSON {
    /// An object of strings, by key.
    static func texts(_ texts: [String: String]) -> JSON {
        .object(texts.sorted { $0.key < $1.key }.map { Member($0.key, .string($0.value)) })
    }
}
