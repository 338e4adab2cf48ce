internal import Hashing
public import OCI

/// What a layer is once it is not compressed any more.
public struct UnpackedLayer: Sendable, Equatable {
    /// Digest of the plain tar.
    public var diffID: Digest
    /// Length of the plain tar in bytes.
    public var size: Int64
    /// How the layer was compressed.
    public var format: CompressionFormat

    public init(diffID: Digest, size: Int64, format: CompressionFormat) {
        self.diffID = diffID
        self.size = size
        self.format = format
    }
}

/// Computes the diffID of a layer whose bytes pass by, compressed or not.
///
/// Source: OCI image-spec v1.1.1, `config.md`, "Layer DiffID".
public final class LayerDigester {
    private let inflater: Inflater
    private var digester: Digester

    /// - Parameter algorithm: that of the diffID it will be compared with.
    public init(limits: InflateLimits, algorithm: Digest.Algorithm = .sha256) {
        inflater = Inflater(limits: limits)
        digester = Digester(algorithm)
    }

    /// Takes the next bytes of the blob.
    /// - Throws: ``LayersError``.
    public func update(_ bytes: RawSpan) throws {
        try inflater.write(bytes) { digester.update($0) }
    }

    /// What the layer is; nothing may be added after.
    /// - Throws: ``LayersError``.
    public func finish() throws -> UnpackedLayer {
        try inflater.finish { digester.update($0) }
        return UnpackedLayer(
            diffID: digester.finalize(), size: inflater.output, format: inflater.format ?? .plain)
    }
}
