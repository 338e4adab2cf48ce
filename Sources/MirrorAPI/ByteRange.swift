/// What a `Range` header comes to for a blob of known length (RFC 9110, 14.1.2 and 14.2).
enum ByteRange: Equatable {
    /// No header, or one that a server ignores: another unit, something malformed, too many ranges, or some that
    /// overlap.
    case whole
    case part(Range<Int64>)
    /// Two or more, in the order in which they were asked for.
    case parts([Range<Int64>])
    /// Nothing of the blob is in it.
    case outside

    /// No engine asks for more than one; a client that reads an archive's table of contents asks for a few.
    static let maximumParts = 16

    init(_ header: String?, size: Int64) {
        guard let header, let equals = header.utf8.firstIndex(of: UInt8(ascii: "=")),
            header[..<equals].lowercased() == "bytes"
        else {
            self = .whole
            return
        }
        var parts: [Range<Int64>] = []
        var count = 0
        for piece in header[header.index(after: equals)...].utf8.split(separator: UInt8(ascii: ",")) {
            let specification = Substring(piece).filter { $0 != " " && $0 != "\t" }
            // Elements of a list may be empty (RFC 9110, 5.6.1.2).
            if specification.isEmpty { continue }
            count += 1
            guard count <= Self.maximumParts, let part = Self.part(specification, size) else {
                self = .whole
                return
            }
            // What lies outside of the blob is left out while anything else is asked for.
            if !part.isEmpty { parts.append(part) }
        }
        self.init(parts, isRange: count > 0)
    }

    private init(_ parts: [Range<Int64>], isRange: Bool) {
        guard isRange else {
            self = .whole
            return
        }
        let sorted = parts.sorted { $0.lowerBound < $1.lowerBound }
        let areApart = zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound }
        switch parts.count {
        case 0: self = .outside
        case 1: self = .part(parts[0])
        // Each byte goes out once: a request cannot make an answer longer than the blob.
        default: self = areApart ? .parts(parts) : .whole
        }
    }

    /// One range; empty when nothing of the blob is in it, `nil` when it is malformed.
    private static func part(_ specification: String, _ size: Int64) -> Range<Int64>? {
        let ends = specification.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return nil }
        switch (number(ends[0]), number(ends[1])) {
        case (.none, .some(let suffix)) where ends[0].isEmpty: return max(0, size - suffix)..<size
        case (.some(let first), .none) where ends[1].isEmpty: return min(first, size)..<size
        // A range written backwards holds nothing. (It might be ignored; the conformance suite wants 416.)
        case (.some(let first), .some(let last)):
            return first <= last && first < size ? first..<min(last, size - 1) + 1 : size..<size
        default: return nil
        }
    }

    /// Digits alone; more than 64 bits hold are as good as the most they hold.
    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return Int64(text) ?? .max
    }
}
