internal import OCI

/// What `POST /images/create` is asked for.
struct PullParameters: Sendable, Equatable {
    enum Wanted: Sendable, Equatable {
        case one(Reference)
        /// Every tag of the repository.
        case allTags(Repository)
    }

    var wanted: Wanted
    /// `nil` means the host's.
    var platform: Platform?

    /// - Throws: a ``Fault`` for what is no image, no platform, reserved, or an import.
    init(_ call: Call) throws {
        if call["fromSrc"] != nil { throw EngineError.elsewhere("importing archives") }
        guard var name = call["fromImage"], !name.isEmpty else { throw EngineError.nothingToPull }
        // From the days when `pull -a` sent the name and its colon.
        if name.hasSuffix(":") { name.removeLast() }
        let reference = try PullParameters.reference(name, tag: call["tag"] ?? "")
        if reference.repository.familiar == "scratch" { throw EngineError.reservedName("scratch") }
        let isBare = reference.tag == nil && reference.digest == nil
        wanted = isBare ? .allTags(reference.repository) : .one(reference.forPull)
        // Older clients do not know of it, and dockerd does not look.
        let text = call.version < .v1(32) ? nil : call["platform"]
        platform = try text.flatMap { $0.isEmpty ? nil : try Platform(parsing: $0) }
    }

    /// The tag may be a digest, and then is all that counts beside the repository.
    private static func reference(_ name: String, tag: String) throws -> Reference {
        let named = try Reference(parsing: name)
        guard !tag.isEmpty else { return named }
        if let digest = digest(tag) { return Reference(named.repository, tag: nil, digest: digest) }
        try Reference.checkTag(tag)
        return Reference(named.repository, tag: tag, digest: named.digest)
    }

    private static func digest(_ text: String) -> Digest? {
        do { return try Digest(parsing: text) } catch { return nil }
    }
}
