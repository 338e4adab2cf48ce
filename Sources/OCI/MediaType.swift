/// What a blob's bytes are, as a manifest, descriptor or `Content-Type` names it. Compared letter for letter; unknown
/// types are kept and passed on.
///
/// Source: OCI image-spec v1.1.1, `media-types.md`; distribution `manifest-v2-2.md`.
public struct MediaType: Hashable, Sendable, CustomStringConvertible {
    public let text: String
    public init(_ text: String) { self.text = text }
    public var description: String { text }

    public static let ociManifest = MediaType("application/vnd.oci.image.manifest.v1+json")
    public static let ociIndex = MediaType("application/vnd.oci.image.index.v1+json")
    public static let ociConfig = MediaType("application/vnd.oci.image.config.v1+json")
    public static let ociLayer = MediaType("application/vnd.oci.image.layer.v1.tar")
    public static let ociLayerGzip = MediaType("application/vnd.oci.image.layer.v1.tar+gzip")
    public static let ociLayerZstd = MediaType("application/vnd.oci.image.layer.v1.tar+zstd")
    public static let ociEmpty = MediaType("application/vnd.oci.empty.v1+json")
    public static let dockerManifest = MediaType("application/vnd.docker.distribution.manifest.v2+json")
    public static let dockerList = MediaType("application/vnd.docker.distribution.manifest.list.v2+json")
    public static let dockerConfig = MediaType("application/vnd.docker.container.image.v1+json")
    public static let dockerLayerGzip = MediaType("application/vnd.docker.image.rootfs.diff.tar.gzip")
    public static let dockerLayer = MediaType("application/vnd.docker.image.rootfs.diff.tar")
    public static let dockerLayerZstd = MediaType("application/vnd.docker.image.rootfs.diff.tar.zstd")
    public static let schema1 = MediaType("application/vnd.docker.distribution.manifest.v1+json")
    public static let schema1Signed = MediaType("application/vnd.docker.distribution.manifest.v1+prettyjws")

    /// An index or manifest list.
    public var isIndex: Bool { self == .ociIndex || self == .dockerList }
    /// A manifest of one image (or artifact).
    public var isManifest: Bool { self == .ociManifest || self == .dockerManifest }
    public var isSchema1: Bool { self == .schema1 || self == .schema1Signed }
}
