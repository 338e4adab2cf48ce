/// The name of a blob: a hash of its exact bytes. Text form: `sha256:` and 64, or `sha512:` and 128, lower-case hex digits.
///
/// Source: OCI image-spec v1.1.1, `descriptor.md`, "Digests".
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The registered algorithms that layerd computes.
    public enum Algorithm: String, Sendable, CaseIterable {
        case sha256, sha512
        /// Length of a hash in bytes.
        public var byteCount: Int { self == .sha256 ? 32 : 64 }
    }

    public let algorithm: Algorithm
    private let bytes: [UInt8]

    /// - Precondition: `bytes` has the algorithm's length.
    public init(_ algorithm: Algorithm, bytes: some Sequence<UInt8>) {
        self.algorithm = algorithm
        self.bytes = Array(bytes)
        precondition(self.bytes.count == algorithm.byteCount, "a digest of the wrong length")
    }

    /// Parses the text form.
    /// - Throws: ``OCIError/invalidDigest(_:)`` for another algorithm, length or letter case.
    public init(parsing text: String) throws(OCIError) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")),
            let algorithm = Algorithm(rawValue: String(text[..<colon]))
        else { throw .invalidDigest(text) }
        let hex = Array(text.utf8[text.utf8.index(after: colon)...])
        guard hex.count == algorithm.byteCount * 2 else { throw .invalidDigest(text) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(algorithm.byteCount)
        for index in stride(from: 0, to: hex.count, by: 2) {
            guard let high = hexValue(hex[index]), let low = hexValue(hex[index + 1]) else { throw .invalidDigest(text) }
            bytes.append(high << 4 | low)
        }
        self.algorithm = algorithm
        self.bytes = bytes
    }

    /// The hash in lower-case hex, without the algorithm.
    public var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The first 12 hex digits, as docker prints IDs.
    public var short: String { String(hex.prefix(12)) }

    public var description: String { "\(algorithm.rawValue):\(hex)" }

    public static func < (left: Digest, right: Digest) -> Bool { left.description < right.description }
}

private func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
}
