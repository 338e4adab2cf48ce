/// What a `Range` header comes to for a blob of known length (RFC 9110, 14.1.2 and 14.2).
enum ByteRange: Equatable {
    /// No header, or one that a server ignores: another unit, several ranges, something malformed.
    case whole
    case part(Range<Int64>)
    /// Nothing of the blob is in it.
    case outside

    init(_ header: String?, size: Int64) {
        guard let header, let equals = header.firstIndex(of: "="), header[..<equals].lowercased() == "bytes" else {
            self = .whole
            return
        }
        let specification = header[header.index(after: equals)...].filter { $0 != " " && $0 != "\t" }
        let ends = specification.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, !specification.contains(",") else {
            self = .whole
            return
        }
        switch (Self.number(ends[0]), Self.number(ends[1])) {
        case (.none, .some(let suffix)) where ends[0].isEmpty:
            self = suffix > 0 && size > 0 ? .part(max(0, size - suffix)..<size) : .outside
        case (.some(let first), .none) where ends[1].isEmpty:
            self = first < size ? .part(first..<size) : .outside
        case (.some(let first), .some(let last)):
            // A range written backwards holds nothing. (It might be ignored; the conformance suite wants 416.)
            self = first <= last && first < size ? .part(first..<min(last, size - 1) + 1) : .outside
        default: self = .whole
        }
    }

    /// Digits alone; more than 64 bits hold are as good as the most they hold.
    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return Int64(text) ?? .max
    }
}
