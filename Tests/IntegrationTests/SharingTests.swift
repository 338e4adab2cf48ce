import Hashing
import OCI
import TestSupport
import Testing

@Suite(.serialized) struct `Images with a common base` {
    @Test func `have its layers once on disk, downloaded once, and df says what stat says`() async throws {
        try await withScene { scene in
            #expect(try await scene.daemon.layerctl("pull", "-q", "diamol/ch03-web-ping").status == 0)
            let second = try await scene.daemon.layerctl("pull", "shop")
            #expect(second.status == 0, "\(second.errors)")
            let one = try #require(scene.webPing.manifest(for: .host))
            let two = try #require(scene.shop.manifests.first)
            let shared = Set(one.layers.map(\.digest)).intersection(two.layers.map(\.digest))
            #expect(shared.count >= 2)
            for digest in shared {
                #expect(second.output.contains("\(digest.short): Already exists"))
                #expect(scene.hub.log.count(.cdn, digest: digest) == 1)
            }
            try await expectUsageMatchesDisk(
                scene,
                images: [
                    [one.document, one.config] + one.layers + [scene.webPing.document],
                    [two.document, two.config] + two.layers,
                ])
            try scene.verifyAllBlobs()
        }
    }

    private func expectUsageMatchesDisk(_ scene: Scene, images: [[GeneratedBlob]]) async throws {
        let onDisk = try scene.daemon.blobs()
        let usage = try await scene.daemon.get("/v1.50/system/df")
        #expect(usage["LayersSize"]?.integer == onDisk.values.reduce(0, +))
        let listed = try #require(usage["Images"]?.array)
        #expect(listed.count == images.count)
        let digests = images.map { Set($0.map(\.digest)) }
        for (index, own) in digests.enumerated() {
            let others = digests.enumerated().filter { $0.offset != index }.reduce(into: Set<Digest>()) {
                $0.formUnion($1.element)
            }
            let size = own.reduce(Int64(0)) { $0 + (onDisk[$1] ?? -1) }
            let shared = own.intersection(others).reduce(Int64(0)) { $0 + (onDisk[$1] ?? -1) }
            let row = listed.first { $0["Size"]?.integer == size && $0["SharedSize"]?.integer == shared }
            #expect(row != nil, "no image of \(size) bytes, \(shared) shared, in \(listed)")
        }
    }

    @Test func `are up to date at the second pull, which fetches nothing and costs no allowance`() async throws {
        try await withScene { scene in
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop").status == 0)
            let used = scene.hub.pullsUsed()
            scene.hub.log.clear()
            let again = try await scene.daemon.layerctl("pull", "shop")
            #expect(again.output.contains("Status: Image is up to date for shop:latest\n"))
            #expect(again.errors.hasPrefix("fetched 0B in 0 blobs; "))
            #expect(scene.hub.pullsUsed() == used)
            #expect(scene.hub.log.count(.blob) == 0 && scene.hub.log.count(.manifest, method: "GET") == 0)
        }
    }

    @Test func `that sixteen clients pull at once are downloaded once`() async throws {
        try await withScene { scene in
            try await withThrowingTaskGroup(of: ProcessResult.self) { group in
                for index in 0..<16 {
                    group.addTask {
                        index.isMultiple(of: 2)
                            ? try await scene.daemon.layerctl("pull", "diamol/ch03-web-ping")
                            : try await scene.daemon.docker("pull", "diamol/ch03-web-ping")
                    }
                }
                for try await result in group { #expect(result.status == 0, "\(result.errors)") }
            }
            let manifest = try #require(scene.webPing.manifest(for: .host))
            for blob in manifest.layers + [manifest.config] {
                #expect(scene.hub.log.count(.cdn, digest: blob.digest, status: 200) == 1, "\(blob.digest)")
            }
            #expect(scene.hub.log.count(.manifest, method: "GET", digest: manifest.document.digest) == 1)
        }
    }
}
