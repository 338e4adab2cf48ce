/// Which bytes of a blob are held: ranges in order, none empty, no two touching.
public struct Extents: Sendable, Equatable {
    /// The ranges, first to last.
    public private(set) var ranges: [Range<Int64>] = []

    /// Nothing is held.
    public init() {}

    /// Holds `ranges`, whatever their order.
    public init(_ ranges: [Range<Int64>]) {
        for range in ranges { insert(range) }
    }

    /// Bytes held in all.
    public var total: Int64 { ranges.reduce(0) { $0 + Int64($1.count) } }

    /// Bytes held from the first one on, without a gap.
    public var prefix: Int64 { ranges.first.flatMap { $0.lowerBound == 0 ? $0.upperBound : nil } ?? 0 }

    /// Where the last byte held ends.
    public var end: Int64 { ranges.last?.upperBound ?? 0 }

    /// What is not held of a blob of `size` bytes.
    public func missing(of size: Int64) -> [Range<Int64>] {
        var missing: [Range<Int64>] = []
        var position: Int64 = 0
        for range in ranges where range.lowerBound < size {
            if range.lowerBound > position { missing.append(position..<range.lowerBound) }
            position = range.upperBound
        }
        if position < size { missing.append(position..<size) }
        return missing
    }

    /// Where the range that begins at `position` runs into bytes that are held; `limit` when it does not.
    public func gapEnd(from position: Int64, limit: Int64) -> Int64 {
        let next = place(after: position)
        return next < ranges.count ? min(max(ranges[next].lowerBound, position), limit) : limit
    }

    /// Whether any byte of `range` is held.
    public func overlaps(_ range: Range<Int64>) -> Bool {
        let next = place(after: range.lowerBound)
        return next < ranges.count && ranges[next].overlaps(range)
    }

    /// Holds `range` too.
    public mutating func insert(_ range: Range<Int64>) {
        guard !range.isEmpty else { return }
        // The common case: the next bytes of a stream.
        if let last = ranges.indices.last, ranges[last].upperBound == range.lowerBound {
            ranges[last] = ranges[last].lowerBound..<range.upperBound
            return
        }
        var first = place(after: range.lowerBound)
        if first > 0, ranges[first - 1].upperBound == range.lowerBound { first -= 1 }
        var joined = range
        var last = first
        while last < ranges.count, ranges[last].lowerBound <= joined.upperBound {
            joined = min(joined.lowerBound, ranges[last].lowerBound)..<max(joined.upperBound, ranges[last].upperBound)
            last += 1
        }
        ranges.replaceSubrange(first..<last, with: CollectionOfOne(joined))
    }

    /// Holds nothing of `range` any more.
    public mutating func remove(_ range: Range<Int64>) {
        guard !range.isEmpty else { return }
        ranges = ranges.flatMap { held -> [Range<Int64>] in
            guard held.overlaps(range) else { return [held] }
            let (left, right) = (
                held.lowerBound..<max(held.lowerBound, range.lowerBound),
                min(held.upperBound, range.upperBound)..<held.upperBound
            )
            return [left, right].filter { !$0.isEmpty }
        }
    }

    /// What is held of the first `length` bytes.
    public func clipped(to length: Int64) -> Extents {
        Extents(ranges.compactMap { $0.lowerBound < length ? $0.lowerBound..<min($0.upperBound, length) : nil })
    }

    /// The first range that ends after `position`.
    private func place(after position: Int64) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound > position { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
