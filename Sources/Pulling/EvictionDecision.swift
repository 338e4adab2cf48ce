public import OCI

/// One image that went, and why.
public struct EvictionDecision: Sendable, Equatable {
    public var at: Timestamp
    /// In familiar form.
    public var image: String
    public var id: Digest
    /// Bytes of the files that were removed.
    public var freed: Int64
    public var worth: ImageWorth
    /// Bytes used and needed when it was decided, and the limit (0 for none).
    public var used: Int64, needed: Int64, limit: Int64

    /// One sentence for the log.
    public var reason: String {
        let rate = (worth.rate * 100).rounded() / 100
        return "\(needed) bytes were needed beside \(used)"
            + (limit > 0 ? " of \(limit)" : "")
            + ", and it was worth least: \(rate) uses an hour for \(worth.frees) bytes"
    }
}
