// Hashing: turns bytes into digests. The only room that imports Crypto.

internal import Crypto
public import OCI

/// A hash in progress. A value: a copy goes on by itself, so that what was hashed so far can be kept and resumed from.
public struct Digester: Sendable {
    // One of the two is set. Optionals and not an enum's payload: updated where it stands, a hash is never copied.
    private var sha256: SHA256?
    private var sha512: SHA512?

    /// Begins with no bytes.
    public init(_ algorithm: OCI.Digest.Algorithm = .sha256) {
        switch algorithm {
        case .sha256: sha256 = SHA256()
        case .sha512: sha512 = SHA512()
        }
    }

    /// Adds bytes without copying them.
    public mutating func update(_ bytes: RawSpan) {
        // INVARIANT: the pointer is used within the closure only, while the span keeps its bytes alive.
        bytes.withUnsafeBytes { add($0) }
    }

    /// Adds bytes.
    public mutating func update(_ bytes: [UInt8]) {
        // INVARIANT: the pointer is used within the closure only, while the array keeps its bytes alive.
        bytes.withUnsafeBytes { add($0) }
    }

    /// The digest of all bytes added so far; more may be added after.
    public func finalize() -> OCI.Digest {
        if let sha512 { return OCI.Digest(.sha512, bytes: sha512.finalize()) }
        return OCI.Digest(.sha256, bytes: (sha256 ?? SHA256()).finalize())
    }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        sha256?.update(bufferPointer: bytes)
        sha512?.update(bufferPointer: bytes)
    }
}
