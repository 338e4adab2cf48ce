import FoundationEssentials
import Hashing
import OCI
import TestSupport
import Testing

/// Ends the daemon by SIGKILL at moments that a seed decides, while it pulls three images at once, and looks each time
/// at what is left. `LAYERD_KILLS=300` (`make kills`) is the long form.
@Suite(.serialized) struct `A daemon that is killed again and again` {
    private static let count = ProcessInfo.processInfo.environment["LAYERD_KILLS"].flatMap { Int($0) } ?? 8

    @Test func `shows no wrong blob, loses no acknowledged image, and fetches little twice`() async throws {
        var kills = 0
        var round: UInt64 = 0
        while kills < Self.count {
            round += 1
            let done = try await KillRound(seed: round).run(upTo: Self.count - kills)
            kills += done
        }
        print("kills: \(kills) in \(round) rounds")
    }
}

/// Three images that are new to a daemon, pulled by clients that come again until each has been told that it is done.
private struct KillRound {
    private let names = ["large", "medium", "small"]
    private let sizes = [[40_000_000, 3_000_000], [6_000_000, 5_000_000, 5_000_000], [400_000, 300_000, 200_000]]
    /// What one kill may cost: what came since the last note of what is held.
    private let lost: Int64 = 8 << 20
    let seed: UInt64

    /// - Returns: how many kills there were.
    func run(upTo limit: Int) async throws -> Int {
        var kills = 0
        try await withScene({
            $0.tls = false
            $0.bytesPerSecond = 30_000_000
            $0.allowance = nil
        }) { scene in
            let images = try names.indices.map { try ImageFactory(seed: seed * 100 + UInt64($0)).big(sizes[$0]) }
            for (name, image) in zip(names, images) { scene.hub.content.add(image, to: "library/\(name)") }
            scene.hub.log.clear()
            var random = seed &* 0x9E37_79B9_7F4A_7C15 | 1
            var acknowledged: Set<String> = []
            while acknowledged.count < names.count {
                let clients = try names.filter { !acknowledged.contains($0) }.map { ($0, try pull($0, scene.daemon)) }
                if kills < limit {
                    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    try await untilBytes(Int64(random >> 33) % 12_000_000, clients, scene.hub)
                    try await scene.daemon.kill()
                    kills += 1
                }
                for (name, client) in clients where try await client.exit(timeout: .seconds(120)) == 0 {
                    acknowledged.insert(name)
                }
                if kills <= limit, scene.daemon.process.state.status != nil { try await scene.daemon.restart() }
                try check(zip(names, images).filter { acknowledged.contains($0.0) }.map(\.1), scene)
            }
            let total = images.reduce(0) { $0 + $1.size }
            let bound = total + Int64(kills) * lost
            #expect(
                scene.hub.log.bytesSent() <= bound, "\(scene.hub.log.bytesSent()) bytes of \(total), \(kills) kills")
        }
        return kills
    }

    private func pull(_ name: String, _ daemon: DaemonUnderTest) throws -> RunningProcess {
        try RunningProcess(
            DaemonUnderTest.products + "/layerctl", ["-H", "unix://\(daemon.socket)", "pull", "-q", "--wait=0", name])
    }

    /// Waits until so many more bytes have been sent, or there is nothing left to send.
    private func untilBytes(_ count: Int64, _ clients: [(String, RunningProcess)], _ hub: HubStandIn) async throws {
        let before = hub.log.bytesSent(.cdn)
        while hub.log.bytesSent(.cdn) - before < count {
            if clients.allSatisfy({ $0.1.state.status != nil }) { return }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    private func check(_ acknowledged: [GeneratedImage], _ scene: Scene) throws {
        try scene.verifyAllBlobs()
        let blobs = try scene.daemon.blobs()
        for image in acknowledged {
            for manifest in image.manifests {
                for blob in [manifest.document, manifest.config] + manifest.layers {
                    #expect(blobs[blob.digest] == blob.descriptor.size, "an acknowledged image lacks \(blob.digest)")
                }
            }
        }
    }
}
