public import OCI

extension Digest {
    /// The SHA-256 of `bytes`.
    public static func sha256(of bytes: [UInt8]) -> Digest { digest(of: bytes, .sha256) }

    /// Whether this is the digest of `bytes`.
    public func matches(_ bytes: [UInt8]) -> Bool { Digest.digest(of: bytes, algorithm) == self }

    private static func digest(of bytes: [UInt8], _ algorithm: Algorithm) -> Digest {
        var digester = Digester(algorithm)
        digester.update(bytes)
        return digester.finalize()
    }
}
