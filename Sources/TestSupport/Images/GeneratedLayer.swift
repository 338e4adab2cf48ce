internal import Glibc
internal import Hashing
public import OCI

/// A blob that was made here, and what names it.
public struct GeneratedBlob: Sendable {
    public var descriptor: Descriptor
    public var source: any BlobSource
    /// Of layers: the digest of the uncompressed tar.
    public var diffID: Digest?

    public var digest: Digest { descriptor.digest }

    /// A document in memory.
    public init(document bytes: [UInt8], mediaType: MediaType) {
        descriptor = Descriptor(mediaType: mediaType, digest: .sha256(of: bytes), size: Int64(bytes.count))
        source = BytesSource(bytes)
    }

    public init(descriptor: Descriptor, source: any BlobSource, diffID: Digest? = nil) {
        self.descriptor = descriptor
        self.source = source
        self.diffID = diffID
    }
}

/// One layer, not yet part of an OCI or docker image.
public struct GeneratedLayer: Sendable {
    public var digest: Digest
    /// Length of the compressed tar in bytes.
    public var size: Int64
    public var diffID: Digest
    /// Length of the tar in bytes.
    public var unpackedSize: Int64
    public var compression: LayerCompression
    public var source: any BlobSource

    /// The layer as a blob of an image in `format`.
    public func blob(_ format: ImageFormat) -> GeneratedBlob {
        let type = format.layerType(compression)
        return GeneratedBlob(
            descriptor: Descriptor(mediaType: type, digest: digest, size: size), source: source, diffID: diffID)
    }
}

/// The two families of media types.
public enum ImageFormat: Sendable {
    case oci, docker

    var manifestType: MediaType { self == .oci ? .ociManifest : .dockerManifest }
    var indexType: MediaType { self == .oci ? .ociIndex : .dockerList }
    var configType: MediaType { self == .oci ? .ociConfig : .dockerConfig }

    func layerType(_ compression: LayerCompression) -> MediaType {
        switch compression {
        case .none: self == .oci ? .ociLayer : .dockerLayer
        case .gzip: self == .oci ? .ociLayerGzip : .dockerLayerGzip
        case .zstd: self == .oci ? .ociLayerZstd : .dockerLayerZstd
        }
    }
}

/// Where a layer's bytes go while it is made: memory, or a file once they are many.
struct LayerSpool {
    /// Layers up to this length stay in memory, when there is a directory for longer ones.
    private static let memoryLimit = 8 << 20

    private let directory: TemporaryDirectory?
    private var bytes: [UInt8] = []
    private var file: (descriptor: Int32, path: String)?
    private var digester = Digester()
    private(set) var size: Int64 = 0

    init(directory: TemporaryDirectory?) { self.directory = directory }

    mutating func append(_ piece: [UInt8]) throws {
        digester.update(piece)
        size += Int64(piece.count)
        if let file { return try Files.append(piece, to: file.descriptor, path: file.path) }
        bytes += piece
        if let directory, bytes.count > Self.memoryLimit { try spill(into: directory) }
    }

    private mutating func spill(into directory: TemporaryDirectory) throws {
        var template = Array(directory.path("layer-XXXXXX").utf8CString)
        let descriptor = template.withUnsafeMutableBufferPointer { $0.baseAddress.map { mkstemp($0) } ?? -1 }
        guard descriptor >= 0 else { throw StandInError.file("make a file in", path: directory.path, errno: errno) }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        file = (descriptor, path)
        try Files.append(bytes, to: descriptor, path: path)
        bytes = []
    }

    /// The digest and the bytes; nothing may be appended after.
    mutating func finish() throws -> (digest: Digest, source: any BlobSource) {
        guard let file else { return (digester.finalize(), BytesSource(bytes)) }
        close(file.descriptor)
        return (digester.finalize(), try FileSource(path: file.path, owner: directory))
    }
}
