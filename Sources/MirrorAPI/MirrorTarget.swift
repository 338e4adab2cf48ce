internal import OCI
internal import Serving

/// What a request asks for: which registry, repository and thing, in whichever of the shapes that engines write it.
///
/// `/v2/REPO/…` with `ns=HOST` (containerd, BuildKit), `/v2/HOST/REPO/…` (podman, BuildKit with a path), `/v2/REPO/…`
/// (dockerd: Docker Hub is meant), `/HOST/v2/REPO/…` (hosts.toml with a path).
struct MirrorTarget: Equatable {
    enum Endpoint: Equatable {
        case ping
        case catalogue
        case manifest(Reference)
        case blob(Repository, Digest)
        case tags(Repository)
        case referrers(Repository, Digest)
    }

    let endpoint: Endpoint
    /// As the client gave it, for the answer to repeat.
    let namespace: String?

    /// - Parameter serves: whether that is a registry the mirror may ask.
    /// - Throws: ``MirrorError``, or a ``Fault`` that means not found.
    init(_ request: ServerRequest, serves: (String) -> Bool) throws {
        guard let path = ServerRequest.percentDecode(request.path), path.hasPrefix("/") else {
            throw MirrorError.noSuchPath
        }
        var segments = path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        let namespaces = request.parameters("ns")
        guard namespaces.count <= 1 else { throw MirrorError.badNamespace("is given more than once") }
        namespace = namespaces.first.flatMap { $0.isEmpty ? nil : $0 }
        var registry = try namespace.map { try Self.registry(named: $0, serves: serves) }
        if segments.count > 1, segments[0] != "v2", segments[1] == "v2" {
            try Self.settle(&registry, on: segments.removeFirst(), serves: serves)
        }
        guard segments.first == "v2" else { throw MirrorError.noSuchPath }
        segments.removeFirst()
        if segments.isEmpty || segments == [""] {
            endpoint = .ping
            return
        }
        if segments == ["_catalog"] {
            endpoint = .catalogue
            return
        }
        if let first = segments.first, Self.isHostLike(first), segments.count > 3 {
            try Self.settle(&registry, on: first, serves: serves)
            segments.removeFirst()
        }
        endpoint = try Self.endpoint(segments, registry ?? "docker.io")
    }

    /// A registry that the path names must be the one that `ns` names, if both do.
    private static func settle(_ registry: inout String?, on name: String, serves: (String) -> Bool) throws {
        let named = try self.registry(named: name, serves: serves)
        guard registry == nil || registry == named else {
            throw MirrorError.badNamespace("names another registry than the path")
        }
        registry = named
    }

    private static func registry(named text: String, serves: (String) -> Bool) throws -> String {
        let name = text.lowercased()
        let canonical = name == "index.docker.io" || name == "registry-1.docker.io" ? "docker.io" : name
        guard serves(canonical) else { throw NotServed(registry: canonical) }
        return canonical
    }

    /// No repository at Docker Hub has a first component of this kind; so it names a registry.
    private static func isHostLike(_ component: String) -> Bool {
        component == "localhost" || component.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") }
    }

    private static func endpoint(_ segments: [String], _ registry: String) throws -> Endpoint {
        guard segments.count >= 3 else { throw MirrorError.noSuchPath }
        let name = segments.dropLast(2).joined(separator: "/")
        let last = segments[segments.count - 1]
        let repository = { () throws -> Repository in
            do { return try Repository(parsing: "\(registry)/\(name)") } catch { throw MirrorError.badName(name) }
        }
        switch segments[segments.count - 2] {
        case "manifests": return .manifest(try reference(repository(), last))
        case "blobs": return .blob(try repository(), try digest(last))
        case "referrers": return .referrers(try repository(), try digest(last))
        case "tags" where last == "list": return .tags(try repository())
        default: throw MirrorError.noSuchPath
        }
    }

    private static func reference(_ repository: Repository, _ text: String) throws -> Reference {
        if text.utf8.contains(UInt8(ascii: ":")) {
            return Reference(repository, tag: nil, digest: try digest(text))
        }
        do { try Reference.checkTag(text) } catch { throw MirrorError.badName(text) }
        return Reference(repository, tag: text, digest: nil)
    }

    private static func digest(_ text: String) throws -> Digest {
        do { return try Digest(parsing: text) } catch { throw MirrorError.badDigest(text) }
    }
}

/// A registry that the mirror does not ask for anybody.
struct NotServed: CodedFault, Equatable {
    let registry: String
    var code: String { "NAME_UNKNOWN" }
    var kind: FaultKind { .notFound }
    var description: String {
        "the mirror does not serve \(registry): only registries with a section in layerd.toml, and Docker Hub"
    }
}
