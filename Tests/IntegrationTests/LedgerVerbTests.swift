import Hashing
import OCI
import TestSupport
import Testing

/// The verbs of the ledger, from the command line through the socket to the files.
@Suite(.serialized) struct `A person who looks after the cache` {
    @Test func `plans, pins, and prunes to the byte what the dry run said`() async throws {
        try await withScene { scene in
            let daemon = scene.daemon
            try await planThenPull(scene)
            #expect(try await daemon.layerctl("pull", "-q", "shop").status == 0)
            #expect(try await daemon.layerctl("pin", "shop").output == "docker.io/library/shop:latest\n")
            let dry = try await json(daemon.layerctl("prune", "-a", "--dry-run", "--format", "json"))
            let free = try await json(
                daemon.layerctl("df", "--reclaimable", Scene.webPingName, "--format", "json"))
            #expect(dry["bytes"]?.integer == free["Reclaimable"]?.integer)
            let before = try daemon.blobs().values.reduce(0, +)
            let pruned = try await daemon.layerctl("prune", "-a", "-f")
            #expect(pruned.output.contains("untagged: diamol/ch03-web-ping:latest\n"))
            let after = try daemon.blobs().values.reduce(0, +)
            #expect(dry["bytes"]?.integer == before - after && before > after)
            #expect(try await json(daemon.layerctl("gc", "--grace", "0", "--format", "json"))["bytes"]?.integer == 0)
            #expect(try await daemon.layerctl("unpin", "shop").status == 0)
            #expect(try await daemon.layerctl("prune", "-a", "-f").status == 0)
            #expect(try daemon.blobs().isEmpty)
        }
    }

    /// What the plan says will come is what comes, and all that the registry counts.
    private func planThenPull(_ scene: Scene) async throws {
        let used = scene.hub.pullsUsed()
        let plan = try await json(
            scene.daemon.layerctl("plan", "diamol/ch03-web-ping", "shop", "--format", "json"))
        let blobs = try #require(plan["blobs"]?.array)
        #expect(Set(blobs.compactMap { $0["digest"]?.string }).count == blobs.count, "each blob once")
        let alone = try await json(scene.daemon.layerctl("plan", "diamol/ch03-web-ping", "--format", "json"))
        let pull = try await scene.daemon.layerctl("pull", "diamol/ch03-web-ping")
        #expect(pull.status == 0)
        let together = try await json(scene.daemon.layerctl("plan", "shop", "--format", "json"))
        let fetched = (alone["bytesToFetch"]?.integer ?? 0) + (together["bytesToFetch"]?.integer ?? 0)
        #expect(fetched == plan["bytesToFetch"]?.integer)
        let host = try #require(scene.webPing.manifest(for: .host))
        let bytes = Set(host.layers.map(\.digest)).union([host.config.digest]).reduce(Int64(0)) { sum, digest in
            sum + ((try? scene.daemon.blobs()[digest]) ?? 0)
        }
        #expect(alone["bytesToFetch"]?.integer == bytes)
        #expect(plan["registryPulls"]?.integer == Int64(scene.hub.pullsUsed() - used))
    }

    @Test func `is told of the daemon by status, version and metrics`() async throws {
        try await withScene { scene in
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop").status == 0)
            let status = try await scene.daemon.layerctl("status")
            #expect(status.output.contains("Pulls: fetched 1, cached 0") && status.output.contains("docker.io"))
            #expect(try await scene.daemon.layerctl("version").output.contains("API version:  1.50"))
            let metrics = try await runChecked(
                "curl", ["-sS", "--unix-socket", scene.daemon.socket, "http://layerd/metrics"])
            let text = String(decoding: metrics.stdout, as: UTF8.self)
            #expect(text.contains("layerd_pulls_total{result=\"fetched\"} 1\n"))
            #expect(text.contains("layerd_images 1\n"))
            #expect(try await scene.daemon.layerctl("df", "--reclaimable", "nobody").status == 1)
        }
    }

    private func json(_ result: ProcessResult) throws -> JSON {
        #expect(result.status == 0, "\(result.errors)")
        return try JSON(parsing: result.output.utf8)
    }
}
