import Hashing
import OCI
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: installed("skopeo"), "skopeo is not installed"))
struct `The mirror, to skopeo` {
    @Test func `gives an image cold, then hot, then without its registry`() async throws {
        try await withScene(config: DaemonUnderTest.mirrorConfig) { scene in
            let mirror = try await scene.daemon.mirror()
            let copy = try TemporaryDirectory("layerd-mirror")
            for (round, directory) in ["cold", "hot", "offline"].enumerated() {
                if round == 2 { await scene.hub.goOffline() }
                let before = scene.hub.log.count { $0.kind == .blob || $0.kind == .cdn }
                let result = try await scene.daemon.skopeo(
                    "copy", "--src-tls-verify=false", "docker://\(mirror)/\(Scene.webPingName)",
                    "dir:\(copy.path(directory))")
                #expect(result.status == 0, "\(directory): \(result.errors)")
                let manifest = try #require(scene.webPing.manifest(for: .host))
                #expect(
                    try Files.read(copy.path("\(directory)/manifest.json")) == manifest.document.source.readAll())
                for layer in manifest.layers {
                    #expect(layer.digest.matches(try Files.read(copy.path("\(directory)/\(layer.digest.hex)"))))
                }
                let asked = scene.hub.log.count { $0.kind == .blob || $0.kind == .cdn } - before
                #expect((asked > 0) == (round == 0), "\(directory): \(asked) requests for blobs upstream")
            }
            let list = try await scene.daemon.layerctl("ls")
            #expect(list.output.contains("diamol/ch03-web-ping"), "\(list.output)")
            try scene.verifyAllBlobs()
        }
    }
}
