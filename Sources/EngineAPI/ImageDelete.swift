internal import Catalogue
internal import OCI
internal import Pulling

/// `DELETE /images/{name}`.
extension EngineRoutes {
    /// Removes a name, and the image when that was its last; or an image with all its names.
    ///
    /// `noprune` is about parents that docker's old builder left, and changes nothing: layerd has none.
    func imageDelete(_ call: Call) async throws -> JSON {
        if call.version >= .v1(50), call["platforms"] != nil { return try await platformDelete(call) }
        let image = try await context.catalogue.resolve(call.name)
        let removal = ImageRemoval(
            image, names: try await context.catalogue.names(of: image.id), pinned: try await pinnedNames(of: image),
            text: call.name)
        try removal.check(force: call.flag("force"))
        let removed = try await context.collector.remove(
            names: removal.names, images: removal.isLast ? [image.id] : [], sparing: .named)
        // Who asked for a name that another request has just removed is told so.
        guard !removed.removal.names.isEmpty || !removed.removal.images.isEmpty else {
            throw CatalogueError.noSuchImage(call.name)
        }
        return .array(deletedRows(removed))
    }

    private func deletedRows(_ removed: RemovedImages) -> [JSON] {
        removed.removal.names.map { ["Untagged": .string($0.reference.familiar)] }
            + removed.removal.images.map { ["Deleted": .string($0.id.description)] }
    }

    /// Removes what of an image is for the platforms that are given; its names stay, and so does what other images use.
    /// Of an image that is but one manifest nothing would be left, so it goes as a whole.
    private func platformDelete(_ call: Call) async throws -> JSON {
        let platforms = try call.query.filter { $0.name == "platforms" }.map { try Call.platform(parsing: $0.value) }
        guard call.flag("force") else { throw EngineError.removalOfPlatform }
        var rows: [JSON] = []
        for platform in platforms {
            let (image, content) = try await contentToDelete(call, platform)
            guard image.holders == image.pins else {
                throw EngineError.platformStays(
                    image.id, platform, reason: "image is being read", .alreadyExists)
            }
            if content.descriptor.digest == image.id {
                rows += deletedRows(
                    try await context.collector.remove(
                        names: try await context.catalogue.names(of: image.id), images: [image.id], sparing: .named))
            } else {
                _ = try await context.collector.withdraw([content.descriptor.digest], from: image.id)
                rows.append(["Deleted": .string(content.descriptor.digest.description)])
            }
        }
        return .array(rows)
    }

    private func contentToDelete(
        _ call: Call, _ platform: Platform
    ) async throws -> (image: ImageSummary, content: ImageContent) {
        let image = try await context.catalogue.resolve(call.name)
        do {
            if let content = try await content(call.name, platform: platform).content { return (image, content) }
        } catch let error as EngineError {
            throw EngineError.platformStays(image.id, platform, reason: error.description, error.kind)
        }
        throw EngineError.platformNotHere(call.name, wanted: platform, actual: [])
    }

    private func pinnedNames(of image: ImageSummary) async throws -> Set<Reference> {
        guard image.pins > 0 else { return [] }
        let names = try await context.catalogue.names()
        return Set(names.filter { $0.isPinned && $0.descriptor.digest == image.id }.map(\.reference))
    }
}

/// What a name in `DELETE /images/{name}` stands for, by the rules of docker's containerd store.
struct ImageRemoval: Sendable {
    let image: ImageSummary
    /// Names that go, in the order of their canonical text.
    let names: [Reference]
    /// No name is left, so the image goes too.
    let isLast: Bool
    private let isByID: Bool
    private let pinned: Set<Reference>
    /// What conflicts are told about.
    private let subject: String

    /// - Parameter names: all names of the image.
    init(_ image: ImageSummary, names all: [Reference], pinned: Set<Reference>, text: String) {
        self.image = image
        let named = ImageRemoval.names(meantBy: text, all, of: image.id)
        isByID = named == nil
        names = named ?? all
        isLast = names.count == all.count
        subject = named == nil ? image.id.short : names.first?.familiar ?? image.id.short
        self.pinned = pinned
    }

    /// `nil` when the text is no name but an ID.
    private static func names(meantBy text: String, _ all: [Reference], of id: Digest) -> [Reference]? {
        guard let reference = try? Reference(parsing: text).forPull else { return nil }
        let siblings = all.filter { $0.repository == reference.repository }
        if let digest = reference.digest {
            // A digest stands for every name of the repository that points to it.
            return digest == id && !siblings.isEmpty ? siblings : nil
        }
        guard siblings.contains(reference) else { return nil }
        // With the last tag of a repository go its digest references, or nobody would ever remove them.
        let isLastTag = siblings.count(where: { $0.tag != nil }) == 1
        return siblings.filter { $0 == reference || (isLastTag && $0.tag == nil) }
    }

    /// - Throws: ``EngineError/conflict(_:canBeForced:reason:)``.
    func check(force: Bool) throws(EngineError) {
        // Forced or not: who reads blobs one by one would find the next one gone.
        if isLast, image.holders > image.pins {
            throw .conflict(subject, canBeForced: false, reason: "image is being read")
        }
        guard !force else { return }
        if isByID, names.count > 1, Set(names.map(\.tag)).count > 1 || Set(names.map(\.repository)).count > 1 {
            throw .conflict(
                subject, canBeForced: true, reason: "image is referenced in multiple repositories")
        }
        if names.contains(where: pinned.contains) {
            throw .conflict(subject, canBeForced: true, reason: "image is pinned")
        }
    }
}
