internal import OCI

/// What is being asked for, as sentences name it and URLs spell it.
struct Subject: Sendable {
    enum Thing: Sendable {
        case reference(Reference)
        case content(Descriptor)
        case tags
        case referrers(Digest)
    }

    let repository: Repository
    let thing: Thing

    init(_ reference: Reference) {
        repository = reference.repository
        thing = .reference(reference)
    }

    init(_ thing: Thing, in repository: Repository) {
        self.repository = repository
        self.thing = thing
    }

    /// `alpine:3.20`, `alpine@sha256:…`.
    var image: String {
        switch thing {
        case .reference(let reference): reference.familiar
        case .content(let descriptor): "\(repository.familiar)@\(descriptor.digest)"
        case .tags: repository.familiar
        case .referrers(let digest): "\(repository.familiar)@\(digest)"
        }
    }

    /// Whether the URL is one of manifests, with the errors that go with it.
    var isManifest: Bool {
        switch thing {
        case .reference: true
        case .content(let descriptor): descriptor.mediaType.isManifest || descriptor.mediaType.isIndex
        case .tags, .referrers: false
        }
    }

    var isTags: Bool { if case .tags = thing { true } else { false } }

    /// The path below `/v2/`.
    var path: String {
        switch thing {
        case .reference(let reference):
            "\(repository.path)/manifests/\(reference.digest?.description ?? reference.tag ?? "latest")"
        case .content(let descriptor):
            "\(repository.path)/\(isManifest ? "manifests" : "blobs")/\(descriptor.digest)"
        case .tags: "\(repository.path)/tags/list"
        case .referrers(let digest): "\(repository.path)/referrers/\(digest)"
        }
    }
}
