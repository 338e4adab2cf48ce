import OCI
import TestSupport
import Testing

/// Save and load with the commands that people have.
@Suite(.serialized) struct `Archives of a running daemon` {
    @Test(.enabled(if: installed("docker"), "docker is not installed"))
    func `go from docker save to docker load, and are the same bytes again`() async throws {
        try await withScene { scene in
            let daemon = scene.daemon
            #expect(try await daemon.layerctl("pull", "-q", "shop:1.0").status == 0)
            let (first, second) = (daemon.directory.path("first.tar"), daemon.directory.path("second.tar"))
            let saved = try await daemon.docker("save", "-o", first, "shop:1.0")
            #expect(saved.status == 0, "\(saved.errors)")

            let other = try await DaemonUnderTest.start()
            let loaded = try await other.docker("load", "-i", first)
            #expect(loaded.output == "Loaded image: shop:1.0\n", "\(loaded.errors)")
            let id = "{{.Id}}"
            let (old, new) = try await (
                daemon.docker("image", "inspect", "-f", id, "shop:1.0"),
                other.docker("image", "inspect", "-f", id, "shop:1.0")
            )
            #expect(old.output == new.output && old.status == 0)
            #expect(try await other.layerctl("save", "-o", second, "shop:1.0").status == 0)
            #expect(try Files.read(first) == Files.read(second))
            let again = try await other.layerctl("load", "-i", second)
            #expect(again.output == "Loaded image: shop:1.0\n", "\(again.errors)")
            let refused = try await other.docker("save", "-o", second, "nope")
            #expect(refused.status == 1 && refused.errors.contains("No such image: nope:latest"), "\(refused.errors)")
            try await other.stop()
        }
    }

    @Test(.enabled(if: installed("skopeo"), "skopeo is not installed"))
    func `are read and written by skopeo`() async throws {
        try await withScene { scene in
            let daemon = scene.daemon
            #expect(try await daemon.layerctl("pull", "-q", "shop:1.0").status == 0)
            let archive = daemon.directory.path("shop.tar")
            #expect(try await daemon.layerctl("save", "-o", archive, "shop:1.0").status == 0)
            let manifest = try #require(scene.shop.manifest(for: .host))
            for kind in ["docker-archive:\(archive):shop:1.0", "oci-archive:\(archive)"] {
                let copy = daemon.directory.path("copy-\(kind.prefix(3)).tar")
                let target = (kind.hasPrefix("oci") ? "oci-archive:" : "docker-archive:") + copy + ":copied:1"
                _ = try await runChecked("skopeo", ["--insecure-policy", "copy", "-q", kind, target])
                let loaded = try await daemon.layerctl("load", "-i", copy)
                // What had the name before is told of first, as docker tells it.
                #expect(loaded.output.hasSuffix("Loaded image: copied:1\n"), "\(kind): \(loaded.errors)")
                let report = try await daemon.get("/v1.50/images/copied:1/json")
                #expect(report["RootFS"]?["Layers"]?.array?.count == manifest.layers.count)
            }
        }
    }

    @Test(.enabled("docker-py is not installed", hasDockerPy))
    func `go through docker-py`() async throws {
        try await withScene { scene in
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop:1.0").status == 0)
            let result = try await scene.daemon.python(
                """
                import docker
                client = docker.from_env()
                image = client.images.get('shop:1.0')
                data = b''.join(image.save(named=True))
                print([i.tags for i in client.images.load(data)])
                try:
                    client.images.load(b'no archive at all' * 100000)
                except docker.errors.ImageLoadError as error:
                    print('refused')
                """)
            #expect(result.output == "[['shop:1.0']]\nrefused\n", "\(result.errors)")
        }
    }

    @Test func `are compared where they part`() async throws {
        try await withScene { scene in
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop:1.0").status == 0)
            let same = try await scene.daemon.layerctl("compare", "shop:1.0", ":latest")
            #expect(same.status == 0 && same.output.contains("The same layers."), "\(same.errors)\(same.output)")
            let other = try await scene.daemon.layerctl("compare", "shop:1.0", "diamol/ch03-web-ping")
            #expect(other.status == 0 && other.output.contains("First difference: step "), "\(other.errors)")
        }
    }
}

@Sendable private func hasDockerPy() async -> Bool {
    (try? await runProcess("python3", ["-c", "import docker"]).status) == 0
}
