import OCI
import TestSupport
import Testing

/// Each fault ends the pull with one sentence that names image, registry and cause, exit code 1, nothing visible of
/// what was bad, and the catalogue as it was.
@Suite(.serialized) struct `A pull that goes wrong` {
    private func expectRefused(
        _ scene: Scene, _ image: String, _ arguments: [String] = [], says words: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let before = try await scene.daemon.get("/images/json")
        let ours = try await runLayerctl(scene, ["pull"] + arguments + [image])
        #expect(ours.status == 1, "layerctl ended with \(ours.status)", sourceLocation: sourceLocation)
        for word in words {
            #expect(ours.errors.contains(word), "layerctl: \(ours.errors)", sourceLocation: sourceLocation)
        }
        #expect(
            ours.errors.split(separator: "\n").count == 1, "not one sentence: \(ours.errors)",
            sourceLocation: sourceLocation)
        if installed("docker") {
            let theirs = try await runDocker(scene, ["pull"] + arguments + [image])
            #expect(theirs.status == 1, "docker ended with \(theirs.status)", sourceLocation: sourceLocation)
            for word in words {
                #expect(theirs.errors.contains(word), "docker: \(theirs.errors)", sourceLocation: sourceLocation)
            }
        }
        #expect(try await scene.daemon.get("/images/json") == before, sourceLocation: sourceLocation)
        try scene.verifyAllBlobs()
    }

    private func runLayerctl(_ scene: Scene, _ arguments: [String]) async throws -> ProcessResult {
        try await runProcess(
            DaemonUnderTest.products + "/layerctl", arguments,
            environment: ["LAYERD_HOST": "unix://\(scene.daemon.socket)", "TZ": "UTC"])
    }

    private func runDocker(_ scene: Scene, _ arguments: [String]) async throws -> ProcessResult {
        try await runProcess(
            "docker", arguments,
            environment: [
                "DOCKER_HOST": "unix://\(scene.daemon.socket)", "HOME": scene.daemon.directory.path,
                "DOCKER_CONFIG": scene.daemon.directory.path("docker"), "PATH": "/usr/local/bin:/usr/bin:/bin",
            ])
    }

    @Test func `for want of the image says so and how one might be allowed`() async throws {
        try await withScene { scene in
            try await expectRefused(scene, "shop:9.9", says: ["shop:9.9", "not found", "registry-1.hub.localhost"])
            try await expectRefused(
                scene, "nobody/has-this", says: ["nobody/has-this", "registry-1.hub.localhost", "login"])
        }
    }

    @Test func `for want of the platform lists those there are`() async throws {
        try await withScene { scene in
            try await expectRefused(
                scene, "diamol/ch03-web-ping", ["--platform", "linux/s390x"],
                says: ["linux/s390x", "linux/amd64", "linux/arm64", "docker.io/diamol/ch03-web-ping"])
        }
    }

    @Test func `for want of rights never makes docker ask for a password`() async throws {
        try await withScene { scene in
            scene.hub.content.restrict("library/shop", to: ["alice"])
            try await expectRefused(scene, "shop", says: ["pull access denied", "shop", "registry-1.hub.localhost"])
        }
    }

    @Test func `because the registry is down names it`() async throws {
        try await withScene(config: "[pull]\nretries = 0\n") { scene in
            await scene.hub.goOffline()
            try await expectRefused(scene, "shop", says: ["shop", "registry-1.hub.localhost", "refused"])
        }
    }

    @Test func `because nobody vouches for the registry's certificate names the remedy`() async throws {
        try await withScene { scene in
            let config = "[registry.\"docker.io\"]\nendpoint = \"\(scene.hub.endpoint)\"\n"
            let daemon = try await DaemonUnderTest.start(config: config)
            let pull = try await daemon.layerctl("pull", "shop")
            #expect(pull.status == 1)
            for word in ["shop", "registry-1.hub.localhost", "certificate", "ca"] {
                #expect(pull.errors.contains(word), "\(pull.errors)")
            }
            try await daemon.stop()
        }
    }

    @Test func `by a wrong byte names the layer, and never shows it`() async throws {
        try await withScene { scene in
            let layer = try #require(scene.shop.manifests[0].layers.last)
            scene.hub.misbehave(on: .cdn(layer.digest), .always, .flipByte(at: 10))
            try await expectRefused(scene, "shop", says: ["\(layer.digest)"])
            #expect(try scene.daemon.blobs()[layer.digest] == nil)
            scene.hub.behave()
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop").status == 0)
        }
    }

    @Test(arguments: [Int64(-1), 1])
    func `by a wrong length names the layer, and never shows it`(by count: Int64) async throws {
        try await withScene(config: "[pull]\nretries = 1\n") { scene in
            let layer = try #require(scene.shop.manifests[0].layers.last)
            scene.hub.misbehave(on: .cdn(layer.digest), .always, .resize(by: count))
            try await expectRefused(scene, "shop", says: ["\(layer.digest)"])
            #expect(try scene.daemon.blobs()[layer.digest] == nil)
        }
    }

    @Test func `by a manifest that is no JSON, or not the one that was promised, names it`() async throws {
        try await withScene { scene in
            let bytes = Array("{\"schemaVersion\": 2, \"config\": ".utf8)
            scene.hub.content.addManifest(bytes, mediaType: .ociManifest, to: "library/broken", tags: ["latest"])
            try await expectRefused(scene, "broken", says: ["docker.io/library/broken", "JSON"])
            scene.hub.misbehave(on: .manifest(), .always, .flipByte(at: 30))
            try await expectRefused(scene, "shop", says: ["shop", "registry-1.hub.localhost"])
        }
    }

    @Test func `by a manifest larger than any real one is cut off`() async throws {
        try await withScene { scene in
            scene.hub.misbehave(on: .manifest(), .always, .oversize(to: 5 << 20))
            try await expectRefused(scene, "shop", says: ["shop", "registry-1.hub.localhost"])
        }
    }

    @Test(arguments: ["team/UPPER", "a//b", "-x", "alpine:bad tag", "alpine@sha256:123", "http://docker.io/alpine"])
    func `by its name is a usage error or docker's own words`(name: String) async throws {
        try await withScene { scene in
            let ours = try await runLayerctl(scene, ["pull", "--", name])
            #expect(ours.status == 2, "\(ours.errors)")
            #expect(ours.errors.contains("invalid reference"), "\(ours.errors)")
            let direct = try await runChecked(
                "curl",
                [
                    "-sS", "--unix-socket", scene.daemon.socket, "-X", "POST", "-G", "--data-urlencode",
                    "fromImage=\(name)", "http://layerd/images/create",
                ])
            #expect(direct.output.contains("invalid reference format"), "\(direct.output)")
        }
    }
}
