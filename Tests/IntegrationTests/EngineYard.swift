import FoundationEssentials
import TestSupport
import Testing

/// Real engines, each with state of its own in one directory, that pull as `layerctl wire` told them to.
struct EngineYard {
    static let absence: Comment = "this machine lets no process mount in a namespace of its own"
    static let tools: Comment = "one of skopeo, podman, buildah, containerd and dockerd is not installed"
    static let areInstalled = ["skopeo", "podman", "buildah", "containerd", "ctr", "dockerd"].allSatisfy { tool in
        which(tool) != nil || which("/usr/sbin/\(tool)") != nil
    }

    static func canMount() async -> Bool {
        let script = "mount -t tmpfs none /mnt && umount /mnt"
        return (try? await runProcess("unshare", ["-m", "sh", "-c", script]))?.status == 0
    }

    let directory: TemporaryDirectory
    let mirror: String

    /// Wires every engine below a root of its own.
    init(_ scene: Scene, in given: TemporaryDirectory? = nil) async throws {
        directory = try given ?? TemporaryDirectory("lyd")
        mirror = try await scene.daemon.mirror()
        for engine in ["dockerd", "containerd", "podman"] {
            let wired = try await scene.daemon.layerctl(
                "wire", "--apply", "--mirror", mirror, "--root", directory.path("root"), engine)
            #expect(wired.status == 0, "\(wired.errors)")
        }
    }

    var registriesConf: String { directory.path("root/etc/containers/registries.conf.d/050-layerd.conf") }

    private func environment(_ more: [String: String] = [:]) -> [String: String] {
        var variables = [
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", "HOME": directory.path,
            "CONTAINERS_REGISTRIES_CONF": registriesConf,
            "XDG_RUNTIME_DIR": directory.path, "TMPDIR": directory.path,
        ]
        variables.merge(more) { $1 }
        return variables
    }

    func skopeo(_ image: String, to name: String) async throws -> ProcessResult {
        try await runProcess(
            "skopeo",
            [
                "--insecure-policy", "--registries-conf", registriesConf, "copy", "docker://\(image)",
                "dir:\(directory.path(name))",
            ],
            environment: environment(), timeout: .seconds(60))
    }

    /// Flags with which podman and buildah keep to this directory.
    var storage: [String] {
        ["--root", directory.path("storage"), "--runroot", directory.path("run"), "--storage-driver", "vfs"]
    }

    func podman(_ arguments: String...) async throws -> ProcessResult {
        try await runProcess("podman", storage + arguments, environment: environment(), timeout: .seconds(90))
    }

    /// A script in a mount namespace where control groups look as podman wants them.
    func script(_ text: String) async throws -> ProcessResult {
        let prepared = "umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup || exit 70\n" + text
        let flags = storage.joined(separator: " ")
        return try await runProcess(
            "unshare", ["-m", "sh", "-c", prepared], environment: environment(["STORAGE": flags]),
            timeout: .seconds(120))
    }

    // MARK: Engines that layerd asks itself

    /// With which podman and ctr, run by layerd, find the stores and daemons of this directory.
    static func variables(for directory: TemporaryDirectory) throws -> [String: String] {
        // podman wants the file that the variable leads to.
        try Files.write("{}", to: directory.path("config.json"))
        return [
            "DOCKER_CONFIG": directory.path(""), "CONTAINERS_STORAGE_CONF": try storageConf(in: directory),
            "DOCKER_HOST": "unix://\(directory.path("d.sock"))",
            "CONTAINERD_ADDRESS": directory.path("c.sock"), "CONTAINERD_NAMESPACE": "warm",
            "CONTAINERD_SNAPSHOTTER": "native", "XDG_RUNTIME_DIR": directory.path,
        ]
    }

    /// A file that keeps podman's and buildah's images to the directory.
    private static func storageConf(in directory: TemporaryDirectory) throws -> String {
        let storage = directory.path("storage.conf")
        try Files.write(
            """
            [storage]
            driver = "vfs"
            graphroot = "\(directory.path("storage"))"
            runroot = "\(directory.path("run"))"

            """, to: storage)
        return storage
    }

    /// The names of the images that ctr knows.
    func ctrNames(namespace: String) async throws -> [String] {
        let list = ["-a", containerdSocket, "-n", namespace, "images", "ls", "-q"]
        return try await runChecked("ctr", list, environment: environment()).output.split(separator: "\n").map(
            String.init)
    }

    // MARK: containerd and dockerd

    private var containerdSocket: String { directory.path("c.sock") }
    private var dockerSocket: String { "unix://\(directory.path("d.sock"))" }

    func startContainerd() async throws -> RunningProcess {
        let config = directory.path("containerd.toml")
        try Files.write(
            """
            version = 2
            root = "\(directory.path("c-root"))"
            state = "\(directory.path("c-state"))"
            disabled_plugins = ["io.containerd.grpc.v1.cri"]
            [grpc]
              address = "\(containerdSocket)"
            [plugins."io.containerd.internal.v1.opt"]
              path = "\(directory.path("opt"))"

            """, to: config)
        let process = try RunningProcess("containerd", ["-c", config], environment: environment())
        _ = try await process.wait(for: "containerd") { $0.errorText.contains("successfully booted") ? true : nil }
        return process
    }

    /// Fetches an image's content for this machine; unpacking it is no affair of the mirror's.
    func ctr(_ image: String, namespace: String) async throws -> ProcessResult {
        try await runProcess(
            "ctr",
            [
                "-a", containerdSocket, "-n", namespace, "content", "fetch", "--hosts-dir",
                hostsDirectory, image,
            ], environment: environment(), timeout: .seconds(60))
    }

    func startDockerd() async throws -> RunningProcess {
        let dockerd = which("dockerd") ?? "/usr/sbin/dockerd"
        let process = try RunningProcess(
            dockerd,
            [
                "--config-file", directory.path("root/etc/docker/daemon.json"), "--data-root", directory.path("d-root"),
                "--exec-root", directory.path("d-exec"), "-H", dockerSocket, "--pidfile", directory.path("d.pid"),
                "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs", "--containerd",
                containerdSocket,
            ], environment: environment())
        _ = try await process.wait(for: "dockerd") { $0.errorText.contains("API listen on") ? true : nil }
        return process
    }

    var hostsDirectory: String { directory.path("root/etc/containerd/certs.d") }

    /// `layerctl doctor`, with engines that keep to this directory.
    func doctor(_ scene: Scene, hostsDirectory: String) async throws -> ProcessResult {
        let tools = directory.path("bin")
        try await runChecked("mkdir", ["-p", tools, directory.path("empty")])
        for tool in ["sh", "docker", "ctr", "podman", "buildah"] {
            guard let path = which(tool) else { throw StandInError.process(tool, reason: "is not installed") }
            try await runChecked("ln", ["-sf", path, "\(tools)/\(tool)"])
        }
        return try await runProcess(
            DaemonUnderTest.products + "/layerctl",
            [
                "doctor", "-H", "unix://\(scene.daemon.socket)", "--image", "docker.io/library/shop:1.0",
                "--docker-host", dockerSocket, "--containerd", containerdSocket, "--hosts-dir", hostsDirectory,
            ],
            environment: environment([
                "PATH": tools,
                "CONTAINERS_STORAGE_CONF": Self.storageConf(in: directory),
            ]), timeout: .seconds(120))
    }

    func docker(_ arguments: String...) async throws -> ProcessResult {
        try await runProcess(
            "docker", ["-H", dockerSocket] + arguments, environment: environment(), timeout: .seconds(90))
    }
}

/// Sets a scene with a mirror, and a yard beside it.
func withYard(
    _ change: (inout HubOptions) -> Void = { _ in }, config: String = DaemonUnderTest.mirrorConfig,
    _ body: (Scene, EngineYard) async throws -> Void
) async throws {
    try await withScene(change, config: config) { scene in
        try await body(scene, try await EngineYard(scene))
    }
}

extension Scene {
    /// Requests for blobs that came to the registry or its content network.
    var blobRequests: Int { hub.log.count { $0.kind == .blob || $0.kind == .cdn } }
}
