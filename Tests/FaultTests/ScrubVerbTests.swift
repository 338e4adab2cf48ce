import FoundationEssentials
import OCI
import TestSupport
import Testing

@Suite(.serialized) struct `layerctl scrub` {
    /// Changes one bit of a stored layer, as a disk does.
    private func rot(_ digest: Digest, in scene: Scene) throws {
        let path = scene.daemon.blobPath(digest)
        var bytes = try Files.read(path)
        bytes[bytes.count / 2] ^= 4
        try FileManager.default.removeItem(atPath: path)
        try Files.write(bytes, to: path, mode: 0o444)
    }

    @Test func `tells of a flipped bit, and fetches the blob anew from where it came`() async throws {
        try await withScene { scene in
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop").status == 0)
            let well = try await scene.daemon.layerctl("scrub")
            #expect(well.status == 0 && well.output.hasSuffix("all intact\n"), "\(well.output)\(well.errors)")
            let layer = scene.shop.manifests[0].layers[0].digest
            try rot(layer, in: scene)
            let look = try await scene.daemon.layerctl("scrub", "--dry-run")
            #expect(look.status == 1 && look.output.contains("\(layer)  damaged"), "\(look.output)")
            scene.hub.log.clear()
            let mended = try await scene.daemon.layerctl("scrub", "--format", "json")
            let report = try JSON(parsing: mended.stdout)
            #expect(mended.status == 0)
            #expect(report["damaged"]?.array?.map { $0["action"]?.string } == ["healed"])
            #expect(scene.hub.log.records.contains { $0.path.contains(layer.hex) }, "it was not fetched")
            try scene.verifyAllBlobs()
        }
    }

    @Test func `is done by the daemon itself when it is due, over restarts`() async throws {
        try await withScene(config: "[store]\nscrub-every = \"1h\"\n") { scene in
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop").status == 0)
            let layer = scene.shop.manifests[0].layers[0].digest
            try rot(layer, in: scene)
            #expect(try await scene.daemon.stop() == 0)
            try await runChecked(
                "python3",
                [
                    "-c",
                    "import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); "
                        + "d.execute(\"UPDATE moments SET moment = moment - 4000 WHERE name = 'scrub'\"); d.commit()",
                    scene.daemon.state + "/catalog.sqlite",
                ])
            try await scene.daemon.restart()
            try await until("the scrub") { scene.daemon.process.state.errorText.contains(" scrubbed ") }
            // By the scrub, or by the check of layers that came before it.
            try await until("the mending") {
                scene.daemon.process.state.errorText.contains("a damaged blob was fetched anew")
            }
            try scene.verifyAllBlobs()
        }
    }
}
