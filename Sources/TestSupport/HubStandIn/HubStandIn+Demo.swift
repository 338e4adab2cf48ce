public import OCI

/// An image that a stand-in serves, for messages.
public struct DemoImage: Sendable {
    /// Repository and tag.
    public var name: String
    public var digest: Digest
    /// Bytes of everything the image names, of all platforms.
    public var size: Int64
}

extension HubStandIn {
    /// Adds the demonstration: a Node base, `diamol/ch03-web-ping` on it for two platforms, and two applications that
    /// share it. A machine of the same architecture downloads about 80 MB for all of them.
    /// - Throws: ``StandInError``.
    public func addDemo(_ factory: ImageFactory, sizes: DemoSizes = .visible) throws -> [DemoImage] {
        let here = Platform.host.architecture == "arm64" ? Platform.linuxARM64 : .linuxAMD64
        let other = here == .linuxAMD64 ? Platform.linuxARM64 : .linuxAMD64
        let base = try factory.baseShared(here, sizes: sizes)
        let small = try factory.baseShared(other)
        let webPing = factory.index(
            of: [try factory.webPing(on: base), try factory.webPing(on: small)], attestations: true)
        let images = [
            ("diamol/node", factory.image(base)),
            ("diamol/ch03-web-ping", webPing),
            ("layerd/demo-shop", try factory.application("shop", on: base, modules: sizes.modules)),
            ("layerd/demo-api", try factory.application("api", on: base, modules: sizes.modules)),
        ]
        return images.map { repository, image in
            content.add(image, to: repository)
            return DemoImage(name: "\(repository):latest", digest: image.digest, size: image.size)
        }
    }
}
