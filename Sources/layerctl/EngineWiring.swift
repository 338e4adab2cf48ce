internal import ArgumentParser
internal import OCI

/// What has to be said to an engine of this machine so that it pulls through layerd's mirror.
enum Engine: String, CaseIterable, ExpressibleByArgument {
    case dockerd, containerd, podman, buildkit

    /// What makes the engine see its new settings.
    var activation: String {
        switch self {
        case .dockerd: "systemctl reload docker (or kill -HUP dockerd)"
        case .containerd: "systemctl restart containerd, if config.toml changed; hosts.toml is read at each pull"
        case .podman: "nothing: podman, buildah and skopeo read it at each pull"
        case .buildkit: "restart buildkitd"
        }
    }

    /// The files to change. Paths are absolute; an edit gets what the file holds, `nil` when there is none, and gives
    /// what it is to hold.
    func edits(mirror: String, registries: [String]) -> [FileEdit] {
        switch self {
        case .dockerd:
            // dockerd's own list is for Docker Hub; with containerd's store (28 and later) it reads hosts.toml too.
            [FileEdit("/etc/docker/daemon.json") { try Self.daemonJSON($0, "http://\(mirror)") }]
                + registries.filter { $0 != "docker.io" }.map { registry in
                    FileEdit("/etc/docker/certs.d/\(registry)/hosts.toml") { try Self.own($0, Self.hosts(mirror)) }
                }
        case .containerd:
            [
                FileEdit("/etc/containerd/config.toml") { Self.containerdConfig($0 ?? "") },
                FileEdit("/etc/containerd/certs.d/_default/hosts.toml") { try Self.own($0, Self.hosts(mirror)) },
            ]
        case .podman:
            [
                FileEdit("/etc/containers/registries.conf.d/050-layerd.conf") { found in
                    try Self.own(found, Self.header + registries.map { Self.registriesConf($0, mirror) }.joined())
                }
            ]
        case .buildkit:
            [
                FileEdit("/etc/buildkit/buildkitd.toml") { found in
                    registries.reduce(found ?? Self.header) { text, registry in
                        TOMLText(text).prepending("\"\(mirror)\"", to: "mirrors", in: "registry.\"\(registry)\"").text
                    }
                }
            ]
        }
    }

    static let header = """
        # Written by `layerctl wire`: pulls are asked of layerd first, then of the registry itself.
        # `layerctl wire --undo` takes it back.

        """

    private static func daemonJSON(_ text: String?, _ mirror: String) throws -> String {
        let bytes = Array((text ?? "").utf8)
        let isBlank = bytes.allSatisfy { $0 == 0x20 || 0x09...0x0D ~= $0 }
        guard case .object(var members) = try JSON(parsing: isBlank ? Array("{}".utf8) : bytes) else {
            throw Failure.local("it holds no JSON object")
        }
        let key = "registry-mirrors"
        let index = members.firstIndex { $0.key == key }
        let mirrors = index.flatMap { members[$0].value.array } ?? []
        if mirrors.contains(.string(mirror)) { return text ?? "" }
        let member = JSON.Member(key, .array([.string(mirror)] + mirrors))
        if let index { members[index] = member } else { members.append(member) }
        return String(decoding: JSON.object(members).serialized(pretty: 2), as: UTF8.self) + "\n"
    }

    /// A file that is layerd's alone; one that somebody else wrote there is not touched.
    private static func own(_ found: String?, _ text: String) throws -> String {
        guard found == nil || found == text || found?.hasPrefix(header) == true else {
            throw Failure.local("somebody else's settings are in it; merge what --print shows by hand")
        }
        return text
    }

    private static func hosts(_ mirror: String) -> String {
        header + """
            [host."http://\(mirror)"]
              capabilities = ["pull", "resolve"]
              dial_timeout = "1s"

            """
    }

    private static func registriesConf(_ registry: String, _ mirror: String) -> String {
        """

        [[registry]]
        prefix = "\(registry)"
        location = "\(registry)"

        [[registry.mirror]]
        location = "\(mirror)/\(registry)"
        insecure = true

        """
    }

    /// Version 3 files, of containerd 2, keep registries elsewhere than the older ones.
    private static func containerdConfig(_ found: String) -> String {
        let text = found.isEmpty ? "version = 2\n" : found
        let isNew = text.split(separator: "\n").contains { line in
            line.filter { $0 != " " } == "version=3"
        }
        let table =
            isNew
            ? "plugins.\"io.containerd.cri.v1.images\".registry" : "plugins.\"io.containerd.grpc.v1.cri\".registry"
        return TOMLText(text).setting("config_path", to: "\"/etc/containerd/certs.d\"", in: table).text
    }
}

/// One file, and what to do to its text.
struct FileEdit {
    let path: String
    let edit: (String?) throws -> String

    init(_ path: String, _ edit: @escaping (String?) throws -> String) {
        self.path = path
        self.edit = edit
    }
}
