internal import Catalogue
internal import OCI

/// `GET /images/{name}/json`.
extension EngineRoutes {
    func imageInspect(_ call: Call) async throws -> JSON {
        let platform = try call.platform(since: .v1(49))
        let wantsManifests = call.version >= .v1(48) && call.flag("manifests")
        if wantsManifests, platform != nil { throw EngineError.manifestsOrPlatform }
        let (image, content) = try await content(call.name, platform: platform)
        var manifests: JSON?
        if wantsManifests { manifests = try await manifestList(of: image) }
        let report = ImageReport(
            row: ImageRow(image), lastTagged: image.lastTagged, content: content,
            storePath: context.daemon.rootDirectory + "/store",
            manifests: manifests
        ).json(call.version)
        // Docker has no word for it, and leaves out what it does not know.
        guard let problem = try await context.catalogue.problem(of: image.id) else { return report }
        return .object((report.members ?? []) + [JSON.Member("Problem", .string(problem))])
    }
}

/// What inspect tells of one image.
struct ImageReport: Sendable {
    var row: ImageRow
    var lastTagged: Timestamp?
    /// `nil` when no manifest of the image is here; then the report has what the catalogue knows.
    var content: ImageContent?
    var storePath: String
    /// `nil` leaves the member out.
    var manifests: JSON?

    /// What Go prints for a moment that was never set.
    private static let never = "0001-01-01T00:00:00Z"

    /// The members in the order of dockerd: the docker command prints them as they come.
    func json(_ version: APIVersion) -> JSON {
        let isOld = version < .v1(45)
        let members = [names, origin(version), isOld ? container : [], build(version), size(version), rest(version)]
        return .object(members.flatMap { $0 })
    }

    private var raw: JSON { content?.config?.raw ?? .object([]) }

    private func text(_ key: String) -> JSON { .string(raw[key]?.string ?? "") }

    private var names: [JSON.Member] {
        [
            JSON.Member("Id", .string(row.target.digest.description)),
            JSON.Member("RepoTags", .strings(row.tags.map(\.familiar))),
            JSON.Member("RepoDigests", .strings(row.digests.map(\.familiar))),
            JSON.Member("Parent", ""),
        ]
    }

    private func origin(_ version: APIVersion) -> [JSON.Member] {
        let created = content?.config?.created ?? row.created
        let comment = raw["comment"]?.string ?? content?.config?.history.last?.comment ?? ""
        let always = version < .v1(44) ? ImageReport.never : nil
        return [JSON.Member("Comment", .string(comment))]
            + (created?.description ?? always).map { [JSON.Member("Created", .string($0))] }.orEmpty
    }

    /// The container an image was made from, before builds had none.
    private var container: [JSON.Member] {
        [
            JSON.Member("Container", text("container")),
            JSON.Member("ContainerConfig", raw["container_config"] ?? .null),
        ]
    }

    private func build(_ version: APIVersion) -> [JSON.Member] {
        let platform = content?.config?.platform ?? content?.descriptor.platform
        return [
            JSON.Member("DockerVersion", text("docker_version")),
            JSON.Member("Author", .string(content?.config?.author ?? "")),
            JSON.Member("Config", executionConfig(content?.config?.config, version)),
            JSON.Member("Architecture", .string(platform?.architecture ?? "")),
        ] + (platform?.variant).map { [JSON.Member("Variant", .string($0))] }.orEmpty
            + [JSON.Member("Os", .string(platform?.os ?? ""))]
            + (platform?.osVersion).map { [JSON.Member("OsVersion", .string($0))] }.orEmpty
    }

    private func size(_ version: APIVersion) -> [JSON.Member] {
        let size = JSON.integer(row.size)
        return [JSON.Member("Size", size)] + (version < .v1(44) ? [JSON.Member("VirtualSize", size)] : [])
    }

    private func rest(_ version: APIVersion) -> [JSON.Member] {
        let layers = JSON.strings((content?.config?.diffIDs ?? []).map(\.description))
        let descriptor = version < .v1(48) ? [] : [JSON.Member("Descriptor", row.target.brief)]
        return [
            JSON.Member("GraphDriver", ["Data": ["ContentStore": .string(storePath)], "Name": "layerd"]),
            JSON.Member("RootFS", ["Type": "layers", "Layers": layers]),
            JSON.Member("Metadata", ["LastTagTime": .string(lastTagged?.description ?? ImageReport.never)]),
        ] + descriptor + (manifests.map { [JSON.Member("Manifests", $0)] }).orEmpty
    }
}

extension Optional where Wrapped == [JSON.Member] {
    fileprivate var orEmpty: Wrapped { self ?? [] }
}
