import FoundationEssentials
import Keyring
import TestSupport
import Testing

@testable import layerctl

@Suite struct `Wiring an engine` {
    private static func text(_ engine: Engine, _ path: String, _ found: String?, registries: [String]) throws -> String
    {
        let edit = engine.edits(mirror: "127.0.0.1:5050", registries: registries).first { $0.path == path }
        return try #require(edit).edit(found)
    }

    /// The files in config/clients are what is written where nothing is there yet.
    @Test(arguments: [
        (Engine.dockerd, "/etc/docker/daemon.json", "dockerd/daemon.json"),
        (.dockerd, "/etc/docker/certs.d/ghcr.io/hosts.toml", "dockerd/certs.d/ghcr.io/hosts.toml"),
        (.containerd, "/etc/containerd/config.toml", "containerd/config.toml"),
        (.containerd, "/etc/containerd/certs.d/_default/hosts.toml", "containerd/certs.d/_default/hosts.toml"),
        (.podman, "/etc/containers/registries.conf.d/050-layerd.conf", "podman/050-layerd.conf"),
        (.buildkit, "/etc/buildkit/buildkitd.toml", "buildkit/buildkitd.toml"),
    ])
    func `writes the files that are shipped`(engine: Engine, path: String, shipped: String) throws {
        let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/config/clients/"
        let ready = String(decoding: try Files.read(folder + shipped), as: UTF8.self)
        let registries = shipped.contains("ghcr.io") ? ["docker.io", "ghcr.io"] : ["docker.io"]
        #expect(try Self.text(engine, path, nil, registries: registries) == ready)
    }

    static let merges: [(engine: Engine, path: String, found: String, merged: String)] = [
        (
            .dockerd, "/etc/docker/daemon.json",
            "{\"log-level\":\"warn\",\"registry-mirrors\":[\"https://m\"],\"n\":1}",
            """
            {
              "log-level": "warn",
              "registry-mirrors": [
                "http://127.0.0.1:5050",
                "https://m"
              ],
              "n": 1
            }

            """
        ),
        (
            .containerd, "/etc/containerd/config.toml",
            "version = 3\n# note\n[plugins]\n  [plugins.'io.containerd.cri.v1.images'.registry] # here\n    x = 1\n",
            """
            version = 3
            # note
            [plugins]
              [plugins.'io.containerd.cri.v1.images'.registry] # here
                config_path = "/etc/containerd/certs.d"
                x = 1

            """
        ),
        (
            .containerd, "/etc/containerd/config.toml",
            "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n  config_path = \"\"\n",
            """
            version = 2
            [plugins."io.containerd.grpc.v1.cri".registry]
              config_path = "/etc/containerd/certs.d"

            """
        ),
        (
            .buildkit, "/etc/buildkit/buildkitd.toml", "debug = true\n[registry.\"docker.io\"]\n  mirrors = [\"a\"]\n",
            "debug = true\n[registry.\"docker.io\"]\n  mirrors = [\"127.0.0.1:5050\", \"a\"]\n"
        ),
        (
            .buildkit, "/etc/buildkit/buildkitd.toml", "[registry.\"docker.io\"]\n  mirrors = []\n",
            "[registry.\"docker.io\"]\n  mirrors = [\"127.0.0.1:5050\"]\n"
        ),
    ]

    @Test(arguments: merges)
    func `keeps the settings that are there, and does nothing twice`(
        engine: Engine, path: String, found: String, merged: String
    ) throws {
        #expect(try Self.text(engine, path, found, registries: ["docker.io"]) == merged)
        #expect(try Self.text(engine, path, merged, registries: ["docker.io"]) == merged)
    }

    @Test(arguments: Engine.allCases)
    func `is taken back byte for byte`(engine: Engine) async throws {
        let root = try TemporaryDirectory("layerd-wire")
        let edits = engine.edits(mirror: "127.0.0.1:5050", registries: ["docker.io", "ghcr.io"])
        let original = engine == .dockerd ? "{ \"a\" :1}\r\n\n" : "# as it was\nversion = 2  "
        let path = root.path + edits[0].path
        if engine != .podman {
            try await runChecked("mkdir", ["-p", String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])])
            try Files.write(Array(original.utf8), to: path, mode: 0o640)
        }
        let files = WiredFiles(engine: engine, root: root.path)
        #expect(try files.apply(files.changes(edits)).count == edits.count)
        #expect(try files.apply(files.changes(edits)).isEmpty, "a second time there is nothing to do")
        let other = engine.edits(mirror: "127.0.0.1:6060", registries: ["docker.io"])
        if engine != .containerd { #expect(try !files.apply(files.changes(other)).isEmpty) }
        #expect(try files.undo().count == edits.count)
        if engine != .podman {
            #expect(String(decoding: try Files.read(path), as: UTF8.self) == original)
            #expect(try await runChecked("stat", ["-c", "%a", path]).output == "640\n")
        }
        let left = try await runChecked("find", [root.path, "-type", "f"]).output
        #expect(left == (engine == .podman ? "" : path + "\n"))
    }

    @Test func `stops before a file that somebody has changed since`() throws {
        let root = try TemporaryDirectory("layerd-wire")
        let files = WiredFiles(engine: .buildkit, root: root.path)
        let edits = Engine.buildkit.edits(mirror: "127.0.0.1:5050", registries: ["docker.io"])
        _ = try files.apply(files.changes(edits))
        let path = root.path("etc/buildkit/buildkitd.toml")
        try Files.write(try Files.read(path) + Array("# mine\n".utf8), to: path)
        let error = #expect(throws: Failure.self) { try files.undo() }
        #expect(error?.description.contains("was changed after layerctl") == true)
    }

    @Test func `leaves alone what is no JSON, and what others wrote where its own file goes`() throws {
        #expect(throws: (any Error).self) { try Self.text(.dockerd, "/etc/docker/daemon.json", "{ no", registries: []) }
        #expect(throws: Failure.self) {
            try Self.text(
                .containerd, "/etc/containerd/certs.d/_default/hosts.toml", "server = \"x\"\n", registries: [])
        }
    }
}

@Suite struct `The doctor` {
    private static func end(_ status: Int32, _ text: String = "") -> HelperProcess.Outcome {
        .ended(HelperProcess.End(status: status, output: Array(text.utf8)))
    }

    @Test func `judges a pull by what layerd counted`() {
        let canary = DoctorCommand.Canary(engine: "podman", command: "true")
        #expect(DoctorCommand.verdict(Self.end(69), seen: 0, canary) == nil)
        let passed = DoctorCommand.verdict(Self.end(0), seen: 3, canary)
        #expect(passed?.passes == true && passed?.sentence == "pulls through layerd (3 requests came)")
        let past = DoctorCommand.verdict(Self.end(0), seen: 0, canary)
        #expect(past?.passes == false && past?.sentence == "pulls, but past layerd: layerctl wire --apply podman")
        let failed = DoctorCommand.verdict(Self.end(125, "a\nError: no route\n"), seen: 1, canary)
        #expect(failed?.passes == false && failed?.sentence == "cannot pull: Error: no route")
        #expect(DoctorCommand.verdict(.tooSlow, seen: 1, canary)?.passes == false)
    }

    @Test func `reads the counters, and quotes for the shell`() {
        let text = """
            # TYPE layerd_mirror_requests_total counter
            layerd_mirror_requests_total{source="hit"} 3
            layerd_mirror_requests_total{source="upstream"} 4
            layerd_mirror_requests_total_other 9
            """
        #expect(DoctorCommand.sum(of: "layerd_mirror_requests_total", in: text) == 7)
        #expect(DoctorCommand.quoted("a'; rm -rf /") == "'a'\\''; rm -rf /'")
    }
}
