/// What a blob's bytes are, as a manifest, descriptor or `Content-Type` names it. Compared letter for letter; unknown
/// types are kept and passed on.
///
/// Source: OCI image-spec v1.1.1, `media-types.md`; distribution `manifest-v2-2.md`.
public struct MediaType: Hashable, Sendable, CustomStringConvertible {
    /// The type as it was written.
    public let text: String
    /// Takes any text; documents from outside are held to RFC 6838.
    public init(_ text: String) { self.text = text }
    public var description: String { text }

    /// OCI: one image, or one artifact.
    public static let ociManifest = MediaType("application/vnd.oci.image.manifest.v1+json")
    /// OCI: manifests by platform.
    public static let ociIndex = MediaType("application/vnd.oci.image.index.v1+json")
    /// OCI: the JSON that describes an image.
    public static let ociConfig = MediaType("application/vnd.oci.image.config.v1+json")
    /// OCI: a layer, not compressed.
    public static let ociLayer = MediaType("application/vnd.oci.image.layer.v1.tar")
    /// OCI: a layer in gzip.
    public static let ociLayerGzip = MediaType("application/vnd.oci.image.layer.v1.tar+gzip")
    /// OCI: a layer in Zstandard.
    public static let ociLayerZstd = MediaType("application/vnd.oci.image.layer.v1.tar+zstd")
    /// OCI: the two bytes `{}`, where an artifact has nothing to say.
    public static let ociEmpty = MediaType("application/vnd.oci.empty.v1+json")
    /// Docker, schema 2: one image.
    public static let dockerManifest = MediaType("application/vnd.docker.distribution.manifest.v2+json")
    /// Docker, schema 2: manifests by platform.
    public static let dockerList = MediaType("application/vnd.docker.distribution.manifest.list.v2+json")
    /// Docker: the JSON that describes an image.
    public static let dockerConfig = MediaType("application/vnd.docker.container.image.v1+json")
    /// Docker: a layer in gzip.
    public static let dockerLayerGzip = MediaType("application/vnd.docker.image.rootfs.diff.tar.gzip")
    /// Docker: a layer, not compressed.
    public static let dockerLayer = MediaType("application/vnd.docker.image.rootfs.diff.tar")
    /// Docker: a layer in Zstandard; in containerd, though not in Docker's specification.
    public static let dockerLayerZstd = MediaType("application/vnd.docker.image.rootfs.diff.tar.zstd")
    /// Docker, schema 1; refused.
    public static let schema1 = MediaType("application/vnd.docker.distribution.manifest.v1+json")
    /// Docker, schema 1 with signatures; refused.
    public static let schema1Signed = MediaType("application/vnd.docker.distribution.manifest.v1+prettyjws")

    /// An index or manifest list.
    public var isIndex: Bool { self == .ociIndex || self == .dockerList }
    /// A manifest of one image (or artifact).
    public var isManifest: Bool { self == .ociManifest || self == .dockerManifest }
    /// A manifest of the first schema, signed or not.
    public var isSchema1: Bool { self == .schema1 || self == .schema1Signed }
}

extension MediaType {
    /// Whether `text` is a type and a subtype of RFC 6838 §4.2, with parameters or without. Media types end up in
    /// header fields, so nothing else may pass a document.
    static func isWellFormed(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let name = bytes.prefix { $0 != UInt8(ascii: ";") }
        let halves = name.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard bytes.count <= 512, halves.count == 2, bytes.allSatisfy({ 0x20..<0x7F ~= $0 }) else { return false }
        return halves.allSatisfy { half in
            var half = half
            while half.endIndex == name.endIndex, half.last == UInt8(ascii: " ") { half.removeLast() }
            return 1...127 ~= half.count && half.first.map(isAlphanumeric) == true && half.allSatisfy(isNameByte)
        }
    }

    /// The type and subtype in lower case, without parameters: what a `Content-Type` says about a document.
    var essence: MediaType {
        MediaType(String(text.prefix { $0 != ";" && $0 != " " && $0 != "\t" }).lowercased())
    }

    /// Says that it is some bytes or some text; servers that know no better send it for manifests.
    var isGeneric: Bool {
        ["application/json", "application/octet-stream", "text/plain"].contains(text)
    }
}

private func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: false
    }
}

private func isNameByte(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || "!#$&-^_.+".utf8.contains(byte) }
