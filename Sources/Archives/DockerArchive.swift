internal import Catalogue
internal import Hashing
internal import Layers
internal import OCI

/// Docker's own archives: since version 1.10 with a `manifest.json`, before it with `repositories` and a directory for
/// each layer. A manifest is made for each image, always the same for the same image, as containerd makes it.
///
/// Source: moby, image spec v1.2, "Combined Image JSON + Filesystem Changeset Format", and v1 for the old kind;
/// containerd, `core/images/archive/importer.go`.
struct DockerArchive {
    let table: ArchiveTable

    /// More images in one archive than anybody saves.
    private static let maximumImages = 1000

    // MARK: Since 1.10

    func images(listedIn list: ArchiveFile) throws -> [LoadedImage] {
        let rows = try json(list, "manifest.json").array
        guard let rows, !rows.isEmpty, rows.count <= Self.maximumImages else {
            throw ArchiveError.senseless("manifest.json", reason: "it is no list of images")
        }
        return try rows.map { row in
            guard let config = row["Config"]?.string, let layers = row["Layers"] else {
                throw ArchiveError.senseless("manifest.json", reason: "an image has no Config or no Layers")
            }
            let names = try (row["RepoTags"]?.array ?? []).map { try reference($0.string, "manifest.json") }
            let paths = try (layers.array ?? []).map { path in
                guard let path = path.string else {
                    throw ArchiveError.senseless("manifest.json", reason: "a layer is no text")
                }
                return path
            }
            let document = try required(config).read(limit: ImageConfig.maximumSize)
            return try image(config: document, named: config, layers: paths, names: names)
        }
    }

    private func image(
        config bytes: [UInt8], named file: String, layers paths: [String], names: [Reference]
    ) throws -> LoadedImage {
        let config = try ImageConfig.read(bytes, file: file)
        guard config.diffIDs.count == paths.count else {
            throw ArchiveError.layerCount(expected: config.diffIDs.count, actual: paths.count)
        }
        let configDescriptor = Descriptor(
            mediaType: .dockerConfig, digest: .sha256(of: bytes), size: Int64(bytes.count))
        var blobs = [LoadedBlob(configDescriptor, .config, .document(bytes))]
        var layers: [Descriptor] = []
        for (place, path) in paths.enumerated() {
            let file = try required(path)
            let layer = try unpacked(file, layer: place, expected: config.diffIDs[place])
            let descriptor = Descriptor(
                mediaType: try type(of: layer.format, place), digest: file.digest, size: file.size)
            layers.append(descriptor)
            blobs.append(LoadedBlob(descriptor, .layer, .file(file), layer: layer))
        }
        let manifest: JSON = [
            "schemaVersion": 2, "mediaType": .string(MediaType.dockerManifest.text),
            "config": configDescriptor.json, "layers": .array(layers.map(\.json)),
        ]
        let document = manifest.serialized()
        let target = Descriptor(
            mediaType: .dockerManifest, digest: .sha256(of: document), size: Int64(document.count))
        blobs.append(LoadedBlob(target, .manifest, .document(document)))
        return LoadedImage(
            target: target, names: names,
            manifests: [
                ManifestEntry(
                    descriptor: target, kind: .image, available: true, config: configDescriptor, layers: layers)
            ], blobs: blobs.distinct, created: config.created, labels: config.labels)
    }

    private func type(of format: CompressionFormat, _ layer: Int) throws -> MediaType {
        switch format {
        case .plain: return .dockerLayer
        case .gzip: return .dockerLayerGzip
        case .zstd: return .dockerLayerZstd
        case .xz, .bzip2: throw ArchiveError.badLayer(layer, reason: "engines take no layers in \(format)")
        }
    }

    private func required(_ path: String) throws -> ArchiveFile {
        guard let file = try table.file(path) else { throw ArchiveError.missingFile(path) }
        return file
    }

    private func json(_ file: ArchiveFile, _ name: String) throws -> JSON {
        let bytes = try file.read(limit: Manifest.maximumSize)
        do { return try JSON(parsing: bytes) } catch { throw ArchiveError.badDocument(name, cause: error) }
    }

    private func reference(_ text: String?, _ file: String) throws -> Reference {
        guard let text else { throw ArchiveError.senseless(file, reason: "a name is no text") }
        let reference: Reference
        do { reference = try Reference(parsing: text) } catch {
            throw ArchiveError.senseless(file, reason: "invalid tag \"\(text.prefix(128))\"")
        }
        guard reference.digest == nil else {
            throw ArchiveError.senseless(file, reason: "invalid tag \"\(text.prefix(128))\"")
        }
        return reference.withDefaultTag
    }

    // MARK: Before 1.10

    func images(namedIn repositories: ArchiveFile) throws -> [LoadedImage] {
        let file = "repositories"
        guard let members = try json(repositories, file).members else {
            throw ArchiveError.senseless(file, reason: "it is no object")
        }
        var order: [String] = []
        var names: [String: [Reference]] = [:]
        for repository in members {
            for tag in repository.value.members ?? [] {
                guard let id = tag.value.string else {
                    throw ArchiveError.senseless(file, reason: "an image ID is no text")
                }
                if names[id] == nil { order.append(id) }
                names[id, default: []].append(try reference("\(repository.key):\(tag.key)", file))
            }
        }
        guard !order.isEmpty, order.count <= Self.maximumImages else { throw ArchiveError.unrecognized }
        return try order.map { try image(v1: $0, names: names[$0] ?? []) }
    }

    private func image(v1 id: String, names: [Reference]) throws -> LoadedImage {
        var chain: [(id: String, json: JSON)] = []
        var seen = Set<String>()
        var next: String? = id
        while let id = next {
            guard seen.insert(id).inserted, chain.count < 128 else {
                throw ArchiveError.senseless("\(id)/json", reason: "its parents have no end")
            }
            let json = try json(try required("\(id)/json"), "\(id)/json")
            chain.append((id, json))
            next = json["parent"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        }
        chain.reverse()
        let paths = chain.map { "\($0.id)/layer.tar" }
        let diffIDs = try paths.enumerated().map { place, path in
            switch try required(path).layer {
            case .success(let layer): return layer.diffID
            case .failure(let error): throw ArchiveError.badLayer(place, reason: "\(error)")
            }
        }
        let config = Self.config(of: chain.map(\.json), diffIDs: diffIDs)
        return try image(config: config, named: "\(id)/json", layers: paths, names: names)
    }

    /// The config that docker makes of an old image: the topmost layer's JSON with the layers and the history put in,
    /// and what a config has no place for left out. Members in the order of their names, as Go writes a map.
    private static func config(of chain: [JSON], diffIDs: [Digest]) -> [UInt8] {
        let dropped: Set<String> = ["id", "parent", "Size", "parent_id", "layer_id", "throwaway", "rootfs", "history"]
        var members = (chain.last?.members ?? []).filter { !dropped.contains($0.key) }
        members.append(
            JSON.Member("rootfs", ["type": "layers", "diff_ids": .array(diffIDs.map { .string($0.description) })]))
        members.append(JSON.Member("history", .array(chain.map(history))))
        return JSON.object(members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }).serialized()
    }

    private static func history(_ layer: JSON) -> JSON {
        let command = (layer["container_config"]?["Cmd"]?.array ?? []).compactMap(\.string).joined(separator: " ")
        let parts: [(String, String)] = [
            ("created", layer["created"]?.string ?? ""), ("author", layer["author"]?.string ?? ""),
            ("created_by", command), ("comment", layer["comment"]?.string ?? ""),
        ]
        return .object(parts.filter { !$0.1.isEmpty }.map { JSON.Member($0.0, .string($0.1)) })
    }
}
