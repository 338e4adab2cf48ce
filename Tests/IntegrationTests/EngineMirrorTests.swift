import OCI
import TestSupport
import Testing

@Suite(
    .serialized, .enabled(if: EngineYard.areInstalled, EngineYard.tools),
    .enabled(EngineYard.absence) { await EngineYard.canMount() })
struct `The engines of a machine` {
    private func images(_ scene: Scene) -> [String] {
        ["docker.io/\(Scene.webPingName)", "docker.io/library/shop:1.0", "docker.io/library/shop@\(scene.shop.digest)"]
    }

    @Test func `pull through the mirror, the second without a request for a blob upstream`() async throws {
        try await withYard { scene, yard in
            let containerd = try await yard.startContainerd()
            let dockerd = try await yard.startDockerd()
            for (number, image) in images(scene).enumerated() {
                try expectPulled(await yard.skopeo(image, to: "cold\(number)"), image)
            }
            let cold = scene.blobRequests
            #expect(cold > 0)
            for image in images(scene) {
                try expectPulled(await yard.podman("pull", "-q", image), "podman, \(image)")
                try expectPulled(await yard.ctr(image, namespace: "hot"), "ctr, \(image)")
                try expectPulled(await yard.docker("pull", "-q", image), "docker, \(image)")
            }
            #expect(scene.blobRequests == cold, "blobs were asked for upstream a second time")
            try await expectOffline(scene, yard)
            try await dockerd.stop()
            try await containerd.stop()
        }
    }

    /// The same again into empty stores, with the registry gone.
    private func expectOffline(_ scene: Scene, _ yard: EngineYard) async throws {
        await scene.hub.goOffline()
        _ = try await yard.docker("image", "prune", "-af")
        _ = try await yard.podman("image", "prune", "-af")
        for (number, image) in images(scene).enumerated() {
            try expectPulled(await yard.skopeo(image, to: "offline\(number)"), "skopeo offline, \(image)")
            try expectPulled(await yard.podman("pull", "-q", image), "podman offline, \(image)")
            try expectPulled(await yard.ctr(image, namespace: "offline"), "ctr offline, \(image)")
            try expectPulled(await yard.docker("pull", "-q", image), "docker offline, \(image)")
        }
    }

    @Test func `take over what a warm list brought, under its own name`() async throws {
        let directory = try TemporaryDirectory("lyd")
        let config =
            DaemonUnderTest.mirrorConfig
            + "[warm.all]\nimages = [\"shop:1.0\"]\ninto = [\"docker\", \"podman\", \"containerd\"]\n"
        let variables = try EngineYard.variables(for: directory)
        try await withScene(config: config, environment: variables) { scene in
            let yard = try await EngineYard(scene, in: directory)
            let containerd = try await yard.startContainerd()
            let dockerd = try await yard.startDockerd()
            let run = try await scene.daemon.layerctl("warm", "--format", "json", "all")
            #expect(run.status == 0, "\(run.errors)")
            let name = "docker.io/library/shop:1.0"
            #expect(try await yard.ctrNames(namespace: "warm") == [name])
            let docker = try await yard.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
            #expect(docker.output == "shop:1.0\n", "\(docker.output)\(docker.errors)")
            let podman = try await yard.podman("images", "--format", "{{.Repository}}:{{.Tag}}")
            #expect(podman.output == name + "\n", "\(podman.output)\(podman.errors)")
            #expect(scene.hub.log.count { $0.kind == .cdn } == scene.shop.manifests[0].layers.count + 1)
            try await dockerd.stop()
            try await expectOneWithout(scene)
            try await containerd.stop()
        }
    }

    /// The image is here, the two engines that run have it, and the entry is tried again.
    private func expectOneWithout(_ scene: Scene) async throws {
        let run = try await scene.daemon.layerctl("warm", "all")
        #expect(run.status == 1 && run.errors.contains("docker does not have it"), "\(run.errors)")
        #expect(!run.errors.contains("podman") && !run.errors.contains("containerd"), "\(run.errors)")
        let entry = try await scene.daemon.get("/layerd/v1/warm")["entries"]?.array?.first
        #expect(entry?["failures"]?.integer == 1 && entry?["digest"]?.string == "\(scene.shop.digest)")
    }

    /// What would end a pull of podman's or skopeo's at the registry itself, for they resume nothing, is layerd's to
    /// mend.
    @Test func `notice nothing of a transfer that breaks upstream`() async throws {
        try await withYard { scene, yard in
            let containerd = try await yard.startContainerd()
            for (engine, image) in [("skopeo", "library/shop:1.0"), ("ctr", Scene.webPingName)] {
                scene.hub.misbehave(on: .cdn(), .times(3), .cut(after: 700))
                let reference = "docker.io/\(image)"
                let result =
                    engine == "ctr"
                    ? try await yard.ctr(reference, namespace: "cut") : try await yard.skopeo(reference, to: "cut")
                expectPulled(result, engine)
                scene.hub.behave()
            }
            try scene.verifyAllBlobs()
            try await containerd.stop()
        }
    }

    @Test func `are proved by the doctor to pull through layerd, and found out when they do not`() async throws {
        try await withYard { scene, yard in
            let containerd = try await yard.startContainerd()
            let dockerd = try await yard.startDockerd()
            let healthy = try await yard.doctor(scene, hostsDirectory: yard.hostsDirectory)
            #expect(healthy.status == 0, "\(healthy.output)\(healthy.errors)")
            for engine in ["dockerd", "containerd", "podman", "buildah"] {
                #expect(healthy.output.contains("\(engine): pulls through layerd ("), "\(healthy.output)")
            }
            // Without its hosts.toml containerd goes to a registry that is not there.
            let sick = try await yard.doctor(scene, hostsDirectory: yard.directory.path("empty"))
            #expect(sick.status == 1 && sick.output.contains("containerd: cannot pull: "), "\(sick.output)")
            try await dockerd.stop()
            try await containerd.stop()
        }
    }

    /// A 429 passed on would have podman wait for half a minute; a 401 would have docker show its password.
    @Test func `are told at once of what cannot be had, and never to wait or to log in`() async throws {
        try await withYard { scene, yard in
            for status in [401, 404, 429, 500] {
                scene.hub.misbehave(
                    on: .manifest(), .always,
                    .status(status, headers: [("Retry-After", "30")], body: "{}"))
                let began = ContinuousClock.now
                let result = try await yard.skopeo("docker.io/library/shop:1.0", to: "no\(status)")
                #expect(result.status != 0)
                // Not the digits: a port may have them.
                let text = result.errors.lowercased()
                let refusals = ["too many requests", "toomanyrequests", "status: 429", "status code 429"]
                #expect(!refusals.contains(where: text.contains), "\(result.errors)")
                // Half a minute is what these clients wait after a 429.
                #expect(ContinuousClock.now - began < .seconds(25), "after \(status)")
                scene.hub.behave()
            }
        }
    }

    @Test(.enabled(if: CorpusFiles.isPresent(), Comment(rawValue: CorpusFiles.absence)))
    func `run a container and build an image from what is cached`() async throws {
        try await withYard { scene, yard in
            let layout = try CorpusFiles.path("corpus/public/layouts/busybox-1.37-musl")
            let tags = try scene.hub.content.addLayout(layout, to: "library/busybox")
            let image = "docker.io/library/busybox:\(try #require(tags.first))"
            try expectPulled(await yard.skopeo(image, to: "warm"), "warming")
            let before = scene.blobRequests
            let run = try await yard.script(
                """
                podman $STORAGE --cgroup-manager cgroupfs run -d --name web-ping --env TARGET=example.test \
                --network=none --cgroups=disabled --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 \
                \(image) sh -c 'echo pinging $TARGET; sleep 100' || exit 1
                for i in 1 2 3 4 5 6 7 8 9 10; do
                    podman $STORAGE logs web-ping | grep pinging && break; sleep 0.2
                done
                podman $STORAGE rm -f -t 0 web-ping
                """)
            #expect(run.status == 0 && run.output.contains("pinging example.test"), "\(run.output)\n\(run.errors)")
            try Files.write("FROM \(image)\nRUN echo built > /made\n", to: yard.directory.path("Containerfile"))
            let build = try await yard.script(
                "buildah $STORAGE bud --isolation chroot -q -t made -f \(yard.directory.path("Containerfile")) "
                    + yard.directory.path)
            #expect(build.status == 0, "\(build.output)\n\(build.errors)")
            #expect(scene.blobRequests == before, "blobs were asked for upstream a second time")
        }
    }

    private func expectPulled(_ result: ProcessResult, _ what: String) {
        #expect(result.status == 0, "\(what): \(result.errors.suffix(1500))")
    }
}
