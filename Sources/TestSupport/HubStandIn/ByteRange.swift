/// What a Range header asks of a body.
enum ByteRange: Equatable {
    /// All of it: no Range, or one that is malformed or has several parts, which a server may ignore.
    case whole
    case part(Range<Int64>)
    case unsatisfiable

    /// Source: RFC 9110 §14.1.2, §14.2.
    init(_ header: String?, size: Int64) {
        guard let header, header.hasPrefix("bytes="), !header.contains(",") else {
            self = .whole
            return
        }
        let text = header.dropFirst("bytes=".count)
        let bounds = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard bounds.count == 2 else {
            self = .whole
            return
        }
        switch (Int64(bounds[0]), Int64(bounds[1])) {
        case (nil, let length?) where bounds[0].isEmpty:
            self = length > 0 && size > 0 ? .part(max(0, size - length)..<size) : .unsatisfiable
        case (let first?, nil) where bounds[1].isEmpty:
            self = first < size ? .part(first..<size) : .unsatisfiable
        case (let first?, let last?):
            self = first < size && first <= last ? .part(first..<min(size, last + 1)) : .unsatisfiable
        default: self = .whole
        }
    }
}
