/// The name of a blob: a hash of its exact bytes. Text form: `sha256:` and 64, or `sha512:` and 128, lower-case hex
/// digits.
///
/// Stored inline, so a digest costs no allocation and no reference count to copy, hash or compare.
///
/// Source: OCI image-spec v1.1.1, `descriptor.md`, "Digests".
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The registered algorithms that layerd computes.
    public enum Algorithm: String, Sendable, CaseIterable {
        case sha256, sha512
        /// Length of a hash in bytes.
        public var byteCount: Int { self == .sha256 ? 32 : 64 }
    }

    private let head: HashWords
    /// The second half of a SHA-512.
    private let tail: HashWords?

    /// What the hash was made with.
    public var algorithm: Algorithm { tail == nil ? .sha256 : .sha512 }

    /// Takes a computed hash.
    /// - Precondition: `bytes` has the algorithm's length.
    public init(_ algorithm: Algorithm, bytes: some Sequence<UInt8>) {
        var iterator = bytes.makeIterator()
        let head = HashWords { iterator.next() }
        let tail = algorithm == .sha512 ? HashWords { iterator.next() } : nil
        guard let head, algorithm == .sha256 || tail != nil, iterator.next() == nil else {
            preconditionFailure("a digest of the wrong length")
        }
        self.head = head
        self.tail = tail
    }

    /// Parses the text form.
    /// - Throws: ``OCIError/invalidDigest(_:)`` for another algorithm, length or letter case.
    public init(parsing text: String) throws(OCIError) {
        let characters = text.utf8Span.span
        guard let algorithm = Algorithm.allCases.first(where: { text.utf8.starts(with: "\($0.rawValue):".utf8) }) else {
            throw .invalidDigest(text)
        }
        let start = 7
        guard characters.count == start + algorithm.byteCount * 2, let head = HashWords(hex: characters, from: start)
        else { throw .invalidDigest(text) }
        self.head = head
        guard algorithm == .sha512 else {
            tail = nil
            return
        }
        guard let tail = HashWords(hex: characters, from: start + 64) else { throw .invalidDigest(text) }
        self.tail = tail
    }

    /// The hash itself: 32 or 64 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(algorithm.byteCount)
        head.append(to: &bytes)
        tail?.append(to: &bytes)
        return bytes
    }

    /// The hash in lower-case hex, without the algorithm.
    public var hex: String {
        String(unsafeUninitializedCapacity: algorithm.byteCount * 2) { text in
            head.write(hex: text, at: 0)
            tail?.write(hex: text, at: 64)
            return algorithm.byteCount * 2
        }
    }

    /// The first 12 hex digits, as docker prints IDs.
    public var short: String { String(hex.prefix(12)) }

    public var description: String { "\(algorithm.rawValue):\(hex)" }

    /// The order of the text forms.
    public static func < (left: Digest, right: Digest) -> Bool {
        switch (left.tail, right.tail) {
        case (nil, .some): true
        case (.some, nil): false
        case (nil, nil): left.head < right.head
        case (.some(let leftTail), .some(let rightTail)):
            left.head == right.head ? leftTail < rightTail : left.head < right.head
        }
    }
}

/// 32 bytes as four big-endian words, so that the order of the words is the order of the bytes.
private struct HashWords: Hashable, Comparable {
    private let first, second, third, fourth: UInt64

    /// Takes 32 bytes from `next`; `nil` when it ends early.
    init?(_ next: () -> UInt8?) {
        guard let first = bigEndianWord(next), let second = bigEndianWord(next), let third = bigEndianWord(next),
            let fourth = bigEndianWord(next)
        else { return nil }
        self.first = first
        self.second = second
        self.third = third
        self.fourth = fourth
    }

    /// Takes 64 lower-case hex digits; `nil` when there are others among them.
    init?(hex: Span<UInt8>, from start: Int) {
        guard let first = hexWord(hex, from: start), let second = hexWord(hex, from: start + 16),
            let third = hexWord(hex, from: start + 32), let fourth = hexWord(hex, from: start + 48)
        else { return nil }
        self.first = first
        self.second = second
        self.third = third
        self.fourth = fourth
    }

    func append(to bytes: inout [UInt8]) {
        for word in [first, second, third, fourth] {
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
    }

    /// Writes 64 digits from `start` on. INVARIANT (raw pointer): the buffer has room for them, as the caller saw to.
    func write(hex text: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
        var place = start
        func write(_ word: UInt64) {
            for shift in stride(from: 60, through: 0, by: -4) {
                text[place] = hexDigit(UInt8(truncatingIfNeeded: word >> shift) & 15)
                place += 1
            }
        }
        write(first)
        write(second)
        write(third)
        write(fourth)
    }

    static func < (left: HashWords, right: HashWords) -> Bool {
        if left.first != right.first { return left.first < right.first }
        if left.second != right.second { return left.second < right.second }
        if left.third != right.third { return left.third < right.third }
        return left.fourth < right.fourth
    }
}

private func bigEndianWord(_ next: () -> UInt8?) -> UInt64? {
    var word: UInt64 = 0
    for _ in 0..<8 {
        guard let byte = next() else { return nil }
        word = word << 8 | UInt64(byte)
    }
    return word
}

private func hexWord(_ digits: Span<UInt8>, from start: Int) -> UInt64? {
    var word: UInt64 = 0
    for place in start..<start + 16 {
        guard let value = hexValue(digits[place]) else { return nil }
        word = word << 4 | UInt64(value)
    }
    return word
}

private func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + (value - 10)
}

private func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
}
