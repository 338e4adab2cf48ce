internal import OCI

/// `GET /images/{name}/history`.
extension EngineRoutes {
    func imageHistory(_ call: Call) async throws -> JSON {
        let name = call.name
        let (image, content) = try await content(name, platform: try call.platform(since: .v1(48)))
        guard let content, let config = content.config else { return [] }
        return try historyRows(config.history, layers: content.layers, image: ImageRow(image), name: name)
    }
}

/// The steps an image was made in, newest first. A step that made a layer has that layer's bytes on disk as its size;
/// the image's ID and tags stand with the newest.
///
/// - Throws: ``EngineError/inconsistentHistory(_:)`` when more steps made layers than there are layers.
func historyRows(
    _ steps: [ImageConfig.History], layers: [Descriptor], image: ImageRow, name: String
) throws(EngineError) -> JSON {
    var layers = layers[...]
    var rows: [JSON] = []
    for (index, step) in steps.enumerated() {
        var size: Int64 = 0
        if !step.emptyLayer {
            guard let layer = layers.popFirst() else { throw .inconsistentHistory(name) }
            size = layer.size
        }
        let isNewest = index == steps.count - 1
        let tags: JSON = isNewest && !image.tags.isEmpty ? .strings(image.tags.map(\.familiar)) : .null
        rows.append([
            "Comment": .string(step.comment),
            "Created": .integer(step.created?.seconds ?? 0),
            "CreatedBy": .string(step.createdBy),
            "Id": .string(isNewest ? image.target.digest.description : "<missing>"),
            "Size": .integer(size),
            "Tags": tags,
        ])
    }
    return .array(rows.reversed())
}
