internal import Catalogue
internal import OCI
internal import Pulling

/// `POST /images/{name}/tag`.
extension EngineRoutes {
    /// Points a name to an image. A tag that pointed elsewhere moves without a word, as with dockerd.
    func imageTag(_ call: Call) async throws -> Reply {
        // Without a repository dockerd does nothing, and answers 200.
        guard let name = try newName(call) else { return .empty(200) }
        let image = try await context.catalogue.resolve(call.name)
        try await context.catalogue.tag(image.id, as: [name])
        try await context.collector.updateIndex()
        context.events.post(.tagged(image.id, as: name, labels: Dictionary(labels: image.labels)))
        return .empty(201)
    }

    private func newName(_ call: Call) throws -> Reference? {
        guard let repository = call["repo"], !repository.isEmpty else { return nil }
        let named = try Reference(parsing: repository)
        if named.digest != nil { throw EngineError.digestAsTag }
        if named.repository.familiar == "sha256" { throw EngineError.ambiguousTag }
        guard let tag = call["tag"], !tag.isEmpty else { return named.withDefaultTag }
        try Reference.checkTag(tag)
        return Reference(named.repository, tag: tag, digest: nil)
    }
}
