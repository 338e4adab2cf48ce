/// Digests of stacks of layers: the name of a layer together with all below it.
///
/// Source: OCI image-spec v1.1.1, `config.md`, "Layer ChainID".
public enum ChainID {
    /// The chain ID of every prefix of `diffIDs`, the lowest layer's first.
    /// - Parameter sha256: hashes bytes; this room has no hash of its own.
    public static func chain(of diffIDs: [Digest], sha256: ([UInt8]) -> Digest) -> [Digest] {
        var chain: [Digest] = []
        chain.reserveCapacity(diffIDs.count)
        for diffID in diffIDs {
            guard let below = chain.last else {
                chain.append(diffID)
                continue
            }
            chain.append(sha256(Array("\(below) \(diffID)".utf8)))
        }
        return chain
    }
}
