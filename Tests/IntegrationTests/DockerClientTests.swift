import OCI
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: installed("docker"), "the docker command is not installed"))
struct `The docker command` {
    @Test func `pulls, lists, shows the history and tells the disk usage`() async throws {
        try await withScene { scene in
            let pull = try await scene.daemon.docker("pull", "diamol/ch03-web-ping")
            #expect(pull.status == 0, "\(pull.errors)")
            let manifest = try #require(scene.webPing.manifest(for: .host))
            #expect(pull.output.hasPrefix("Using default tag: latest\nlatest: Pulling from diamol/ch03-web-ping\n"))
            for layer in manifest.layers {
                #expect(pull.output.contains("\(layer.digest.short): Pulling fs layer\n"))
                #expect(pull.output.contains("\(layer.digest.short): Pull complete\n"))
            }
            #expect(
                pull.output.hasSuffix(
                    """
                    Digest: \(scene.webPing.digest)
                    Status: Downloaded newer image for diamol/ch03-web-ping:latest
                    docker.io/diamol/ch03-web-ping:latest

                    """))
            let list = try await scene.daemon.docker("image", "ls", "--format", "{{.Repository}} {{.Tag}} {{.ID}}")
            #expect(list.output == "diamol/ch03-web-ping latest \(scene.webPing.digest.short)\n")
            let history = try await scene.daemon.docker(
                "image", "history", "--no-trunc", "--format", "{{.CreatedBy}}", "diamol/ch03-web-ping")
            #expect(history.output.contains("COPY app.js"))
            #expect(history.output.contains("WORKDIR /web-ping"))
            let usage = try await scene.daemon.docker("system", "df", "--format", "{{.Type}} {{.TotalCount}}")
            #expect(usage.output.hasPrefix("Images 1\nContainers 0\n"))
        }
    }

    @Test func `filters by name, and finds an image by name, digest and short ID`() async throws {
        try await withScene { scene in
            for name in ["shop", "shop:1.0", "diamol/ch03-web-ping"] {
                #expect(try await scene.daemon.docker("pull", "-q", name).status == 0)
            }
            let shops = try await scene.daemon.docker("image", "ls", "s*", "--format", "{{.Repository}}:{{.Tag}}")
            #expect(shops.output == "shop:1.0\nshop:latest\n")
            let id = scene.shop.digest
            for name in ["shop", "shop@\(id)", "\(id)", id.short, "docker.io/library/shop:1.0"] {
                let found = try await scene.daemon.docker("image", "inspect", "--format", "{{.Id}}", name)
                #expect(found.output == "\(id)\n", "by \(name): \(found.errors)")
            }
            let labels = try await scene.daemon.docker(
                "image", "inspect", "--format", "{{.Os}}/{{.Architecture}} {{len .RootFS.Layers}}", "shop")
            let layers = try #require(scene.shop.manifests.first).layers.count
            #expect(labels.output == "linux/\(Platform.host.architecture) \(layers)\n")
        }
    }

    @Test func `that is interrupted ends the transfer`() async throws {
        try await withScene { scene in
            let manifest = try #require(scene.webPing.manifest(for: .host))
            let largest = try #require(manifest.layers.max { $0.descriptor.size < $1.descriptor.size })
            scene.hub.misbehave(on: .cdn(largest.digest), .always, .stall(after: 1000))
            let client = try scene.daemon.startDocker("pull", "diamol/ch03-web-ping")
            try await scene.hub.log.wait { history in
                history.records.contains { $0.kind == .cdn && $0.reference == "\(largest.digest)" && $0.bytesSent > 0 }
            }
            client.signal(2)
            // Its exit status is its own affair: 130, 1 or 0, by how far its start had come when the signal did.
            _ = try await client.exit()
            do {
                try await scene.hub.log.wait(for: "the end of the transfer") { history in
                    history.records.allSatisfy(\.isFinished)
                }
            } catch {
                let unfinished = scene.hub.log.records.filter { !$0.isFinished }
                Issue.record("\(error): \(unfinished)\n\(scene.daemon.process.state.errorText.suffix(2000))")
            }
            #expect(try scene.daemon.blobs()[largest.digest] == nil)
            #expect(try await scene.daemon.get("/images/json").array == [])
        }
    }

    @Test(.enabled(if: installed("python3"), "python3 is not installed"))
    func `and docker-py see the same`() async throws {
        try await withScene { scene in
            #expect(try await scene.daemon.docker("pull", "-q", "shop").status == 0)
            let result = try await scene.daemon.python(
                """
                import docker
                client = docker.from_env()
                assert client.ping()
                pulled = client.images.pull("diamol/ch03-web-ping", tag="latest")
                names = sorted(tag for image in client.images.list() for tag in image.tags)
                print(" ".join(names))
                print(pulled.id)
                print(len(client.images.get("shop").history()) > 0, client.df()["LayersSize"])
                """)
            let size = try scene.daemon.blobs().values.reduce(0, +)
            #expect(
                result.output == "diamol/ch03-web-ping:latest shop:latest\n\(scene.webPing.digest)\nTrue \(size)\n",
                "\(result.errors)")
        }
    }
}
