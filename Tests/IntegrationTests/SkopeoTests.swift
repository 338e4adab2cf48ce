import Hashing
import OCI
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: installed("skopeo"), "skopeo is not installed"))
struct `The store as other tools see it` {
    @Test func `is an OCI layout out of which skopeo copies any image`() async throws {
        try await withScene { scene in
            for name in ["diamol/ch03-web-ping", "shop", "shop:1.0"] {
                #expect(try await scene.daemon.layerctl("pull", "-q", name).status == 0)
            }
            for name in ["diamol/ch03-web-ping:latest", "library/shop:latest", "library/shop:1.0"] {
                let source = "oci:\(scene.daemon.store):docker.io/\(name)"
                let copy = try TemporaryDirectory("layerd-skopeo")
                let result = try await runProcess(
                    "skopeo", ["--insecure-policy", "copy", source, "dir:\(copy.path("out"))"])
                #expect(result.status == 0, "\(name): \(result.errors)")
                let image = name.hasPrefix("library") ? scene.shop : scene.webPing
                let manifest = try #require(image.manifest(for: .host))
                #expect(try Files.read(copy.path("out/manifest.json")) == manifest.document.source.readAll())
                for layer in manifest.layers {
                    #expect(layer.digest.matches(try Files.read(copy.path("out/\(layer.digest.hex)"))))
                }
            }
        }
    }
}

@Suite(
    .serialized,
    .enabled(
        if: installed("skopeo") && DockerRegistry.executable != nil,
        "skopeo or docker-registry is not installed"))
struct `Images that skopeo pushed to docker-registry` {
    private func push(_ source: String, to registry: DockerRegistry, as name: String, _ options: [String] = [])
        async throws
    {
        _ = try await runChecked(
            "skopeo",
            ["--insecure-policy", "copy", "--dest-tls-verify=false"] + options + [
                source, "docker://\(registry.host)/\(name)",
            ],
            timeout: .seconds(120))
    }

    private func config(_ registry: DockerRegistry, ca: String? = nil) -> String {
        """
        [registry."\(registry.host)"]
        endpoint = "\(registry.endpoint)"
        \(ca.map { "ca = \"\($0)\"" } ?? "")
        """
    }

    @Test func `come over bit by bit, in every format`() async throws {
        let registry = try await DockerRegistry.start()
        let layouts = try TemporaryDirectory("layerd-layouts")
        let factory = ImageFactory(seed: 3)
        let base = try factory.baseShared(.host)
        let application = try factory.application("a", on: base)
        let images: [(name: String, image: GeneratedImage, options: [String])] = [
            ("oci", application, []), ("schema2", application, ["--format", "v2s2"]),
            ("zstd", try factory.application("c", on: base, compression: .zstd()), []),
            ("multi", try factory.multiPlatform { try factory.webPing(on: $0) }, ["--all"]),
        ]
        try LayoutWriter.write(images.map { ($0.name, $0.image) }, to: layouts.path("out"))
        let daemon = try await DaemonUnderTest.start(config: config(registry))
        for (name, image, options) in images {
            try await push("oci:\(layouts.path("out")):\(name)", to: registry, as: "team/\(name):1", options)
            let pull = try await daemon.layerctl("pull", "\(registry.host)/team/\(name):1")
            #expect(pull.status == 0, "\(name): \(pull.errors)")
            let raw = try await runChecked(
                "skopeo", ["inspect", "--raw", "--tls-verify=false", "docker://\(registry.host)/team/\(name):1"])
            let target = Digest.sha256(of: raw.stdout)
            #expect(pull.output.contains("Digest: \(target)\n"), "\(name): \(pull.output)")
            #expect(try Files.read(daemon.blobPath(target)) == raw.stdout)
            #expect((target == image.digest) == (name != "schema2"), "skopeo pushed something else than it was given")
            let manifest = try #require(image.manifest(for: .host))
            let blobs = try daemon.blobs()
            for layer in manifest.layers {
                #expect(blobs[layer.digest] == layer.descriptor.size, "\(name): \(layer.digest)")
            }
        }
        for digest in try daemon.blobs().keys { #expect(digest.matches(try Files.read(daemon.blobPath(digest)))) }
        try await daemon.stop()
        try await registry.stop()
    }

    @Test func `come over TLS with a CA of one's own`() async throws {
        let authority = try await CertificateAuthority()
        let registry = try await DockerRegistry.start(authority: authority)
        let layouts = try TemporaryDirectory("layerd-layouts")
        let factory = ImageFactory(seed: 4)
        try LayoutWriter.write(
            [("app", try factory.application("a", on: factory.baseShared(.host)))], to: layouts.path("out"))
        try await push("oci:\(layouts.path("out")):app", to: registry, as: "app:1")
        let daemon = try await DaemonUnderTest.start(config: config(registry, ca: authority.caFile))
        let pull = try await daemon.layerctl("pull", "\(registry.host)/app:1")
        #expect(pull.status == 0, "\(pull.errors)")
        try await daemon.stop()
        try await registry.stop()
    }
}
