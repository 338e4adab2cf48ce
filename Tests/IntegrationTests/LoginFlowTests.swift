import FoundationEssentials
import Hashing
import OCI
import TestSupport
import Testing

/// What must be seen nowhere.
private let canary = "CANARY-c4n4ry-hunter2"

@Suite(.serialized, .enabled(if: installed("docker"), "the docker command is not installed"))
struct `A login` {
    /// A scene where `library/shop` is ann's alone.
    private func withPrivateShop(_ body: (Scene) async throws -> Void) async throws {
        try await withScene({ $0.accounts = ["ann": canary] }) { scene in
            scene.hub.content.restrict("library/shop", to: ["ann"])
            try await body(scene)
        }
    }

    @Test func `by docker lets docker pull what is private, and the daemon keeps nothing of it`() async throws {
        try await withPrivateShop { scene in
            let before = try await scene.daemon.docker("pull", "-q", "shop")
            #expect(before.status != 0)
            let login = try await scene.daemon.docker(
                "login", "-u", "ann", "--password-stdin", stdin: canary)
            #expect(login.status == 0 && login.output.contains("Login Succeeded"), "\(login.errors)")
            let pull = try await scene.daemon.docker("pull", "-q", "shop")
            #expect(pull.status == 0, "\(pull.errors)")
            let stranger = try await scene.daemon.get("/layerd/v1/status")
            #expect(stranger["version"] != nil)
            try await expectNoCanary(scene, [before, login, pull])
        }
    }

    @Test func `with a wrong password is refused in the registry's words`() async throws {
        try await withPrivateShop { scene in
            let login = try await scene.daemon.docker(
                "login", "-u", "ann", "--password-stdin", stdin: canary + "-wrong")
            #expect(login.status == 1)
            #expect(
                login.errors.contains("/v2/\": unauthorized: incorrect username or password"), "\(login.errors)")
            let own = try await scene.daemon.layerctl(
                "login", "--username", "ann", "--password-stdin", stdin: canary + "-wrong")
            #expect(own.status == 1 && own.errors.hasPrefix("Error response from daemon: Get \""), "\(own.errors)")
            #expect(Files.size(scene.daemon.directory.path("docker/config.json")) == nil)
            try await expectNoCanary(scene, [login, own])
        }
    }

    @Test func `by layerctl is docker's too`() async throws {
        try await withPrivateShop { scene in
            let login = try await scene.daemon.layerctl(
                "login", "--username", "ann", "--password-stdin", stdin: canary + "\n")
            #expect(login.status == 0 && login.output == "Login Succeeded\n", "\(login.errors)")
            #expect(
                login.errors.contains("stored unencrypted in '\(scene.daemon.directory.path("docker/config.json"))'"))
            // The stand-in gives out a token in place of the password, as some registries do: docker keeps that alone.
            let kept = try JSON(parsing: Files.read(scene.daemon.directory.path("docker/config.json")))
            let entry = try #require(kept["auths"]?["https://index.docker.io/v1/"])
            #expect(entry["auth"] == .string(Data("ann:".utf8).base64EncodedString()))
            #expect(entry["identitytoken"]?.string?.isEmpty == false)
            #expect(!String(decoding: kept.serialized(), as: UTF8.self).contains(canary))
            let own = try await scene.daemon.layerctl("pull", "-q", "shop")
            #expect(own.status == 0, "\(own.errors)")
            let docker = try await scene.daemon.docker("pull", "-q", "shop:1.0")
            #expect(docker.status == 0, "\(docker.errors)")
            try await expectNoCanary(scene, [login, own, docker])
        }
    }

    @Test(.enabled(if: installed("python3"), "python3 is not installed"))
    func `by docker-py is checked as docker's`() async throws {
        try await withPrivateShop { scene in
            let result = try await scene.daemon.python(
                """
                import docker
                client = docker.from_env()
                try:
                    client.login("ann", "wrong")
                except docker.errors.APIError as error:
                    print(error.status_code, "unauthorized" in error.explanation)
                print(client.login("ann", "\(canary)")["Status"])
                print(client.images.pull("shop", tag="latest").id)
                print(len(client.images.get_registry_data("shop").attrs["Descriptor"]["digest"]))
                """)
            #expect(result.output == "401 True\nLogin Succeeded\n\(scene.shop.digest)\n71\n", "\(result.errors)")
            try await expectNoCanary(scene, [result])
        }
    }

    @Test func `that the daemon's configuration keeps serves those who bring none`() async throws {
        let directory = try TemporaryDirectory()
        try Files.write(Array("\(canary)\n".utf8), to: directory.path("password"), mode: 0o600)
        try await withScene(
            { $0.accounts = ["ann": canary] },
            registry: [
                "username = \"ann\"", "password-file = \"\(directory.path("password"))\"",
            ]
        ) { scene in
            scene.hub.content.restrict("library/shop", to: ["ann"])
            let pull = try await scene.daemon.layerctl("pull", "-q", "shop")
            #expect(pull.status == 0, "\(pull.errors)")
            try await expectNoCanary(scene, [pull])
        }
    }

    /// Looks for the secret, plain and as Basic and JSON encodings carry it, in everything that anybody can see.
    private func expectNoCanary(_ scene: Scene, _ results: [ProcessResult]) async throws {
        let daemon = scene.daemon
        var places: [(String, [UInt8])] = [
            ("log", daemon.process.state.errors), ("output", daemon.process.state.output),
        ]
        for (index, result) in results.enumerated() {
            places += [("client \(index) stdout", result.stdout), ("client \(index) stderr", result.stderr)]
        }
        for path in ["/info", "/version", "/layerd/v1/status", "/images/json"] {
            places.append((path, try await daemon.get(path).serialized()))
        }
        for file in ["cmdline", "environ"] {
            places.append((file, try Files.read("/proc/\(daemon.process.pid)/\(file)")))
        }
        let encoded = Data("ann:\(canary)".utf8).base64EncodedString().prefix(20)
        for (name, bytes) in places {
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(!text.contains(canary) && !text.contains(encoded) && !text.contains("Bearer "), "in \(name)")
        }
        let found = try await runProcess("grep", ["-rlaF", canary, daemon.state])
        #expect(found.output == "", "in files: \(found.output)")
    }
}
