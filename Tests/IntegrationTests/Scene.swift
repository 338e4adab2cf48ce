import Hashing
import OCI
import TestSupport
import Testing

/// A Hub stand-in with the images most tests want, and a daemon that takes it for Docker Hub.
struct Scene {
    let hub: HubStandIn
    let daemon: DaemonUnderTest
    let factory: ImageFactory
    let base: BaseImage
    let webPing: GeneratedImage
    let shop: GeneratedImage

    static let webPingName = "diamol/ch03-web-ping:latest"

    static func set(
        _ change: (inout HubOptions) -> Void = { _ in }, config: String = "", registry: [String] = [],
        environment: [String: String] = [:]
    ) async throws -> Scene {
        var options = HubOptions()
        // Names under .localhost resolve to the loopback in libcurl itself (RFC 6761).
        options.names = HubNames(
            registry: "registry-1.hub.localhost", auth: "auth.hub.localhost", cdn: "cdn.hub.localhost")
        change(&options)
        let hub = try await HubStandIn.start(options)
        let factory = ImageFactory(seed: 7)
        let base = try factory.baseShared(.host)
        let webPing = try factory.multiPlatform([.linuxAMD64, .linuxARM64, .linuxARMv7]) { try factory.webPing(on: $0) }
        let shop = try factory.application("shop", on: base)
        hub.content.add(webPing, to: "diamol/ch03-web-ping")
        hub.content.add(shop, to: "library/shop", tags: ["latest", "1.0"])
        let daemon = try await DaemonUnderTest.start(
            hub: hub, config: config, registry: registry, environment: environment)
        return Scene(hub: hub, daemon: daemon, factory: factory, base: base, webPing: webPing, shop: shop)
    }

    func strike() async throws {
        try await daemon.stop()
        await hub.stop()
    }

    /// Every visible blob hashes to its name.
    func verifyAllBlobs() throws {
        for digest in try daemon.blobs().keys {
            #expect(digest.matches(try Files.read(daemon.blobPath(digest))), "\(digest) is not what its name says")
        }
    }
}

/// Sets a scene, and strikes it however the test ends.
/// - Parameter registry: more lines for the stand-in's section of the configuration.
func withScene(
    _ change: (inout HubOptions) -> Void = { _ in }, config: String = "", registry: [String] = [],
    environment: [String: String] = [:], _ body: (Scene) async throws -> Void
) async throws {
    let scene = try await Scene.set(change, config: config, registry: registry, environment: environment)
    do {
        try await body(scene)
    } catch {
        try await scene.strike()
        throw error
    }
    try await scene.strike()
}
