internal import Hashing
internal import OCI

/// Finds out whether bytes that were dropped come again the same.
///
/// A server that ignores a range sends everything again, and those who followed the first attempt need not begin anew:
/// when as many bytes as were dropped hash to what the dropped ones did, what they have is right. Nothing is hashed
/// twice for it.
struct Repetition: Sendable {
    private struct Dropped {
        /// Bytes from the first one on, and their hash.
        let count: Int64
        let digest: Digest
        var verdict: IngestProgress.Repeated
    }

    /// By the count of restarts before each was dropped.
    private var dropped: [Dropped] = []

    /// What is told to followers, by the same count.
    var verdicts: [IngestProgress.Repeated] { dropped.map(\.verdict) }

    /// Everything is dropped, of which `hashed` bytes went through `digester`. What was found the same as those must
    /// be compared once more, with those to come. What was not hashed cannot be recognised.
    mutating func begin(dropping hashed: Int64, _ digester: Digester) {
        for index in dropped.indices where dropped[index].verdict != .other { dropped[index].verdict = .unknown }
        let verdict = hashed > 0 ? IngestProgress.Repeated.unknown : .other
        dropped.append(Dropped(count: hashed, digest: digester.finalize(), verdict: verdict))
    }

    /// Where hashing must stop for a comparison: the first place after `hashed`.
    func next(after hashed: Int64) -> Int64? {
        dropped.lazy.filter { $0.verdict == .unknown && $0.count > hashed }.map(\.count).min()
    }

    /// So many bytes have been hashed. True when something is known by it.
    mutating func compare(_ hashed: Int64, _ digester: Digester) -> Bool {
        var isNews = false
        for index in dropped.indices where dropped[index].verdict == .unknown && dropped[index].count == hashed {
            dropped[index].verdict = digester.finalize() == dropped[index].digest ? .same(hashed) : .other
            isNews = true
        }
        return isNews
    }
}

extension IngestWriter.State {
    /// Hashes what follows on what is hashed.
    mutating func hash(_ bytes: RawSpan) {
        var done = 0
        while let place = repetition.next(after: hashed), place - hashed <= Int64(bytes.byteCount - done) {
            let count = Int(place - hashed)
            digester.update(bytes.extracting(done..<done + count))
            done += count
            hashed = place
            _ = repetition.compare(hashed, digester)
        }
        digester.update(bytes.extracting(done..<bytes.byteCount))
        hashed += Int64(bytes.byteCount - done)
    }

    /// What to read back and hash next: not too much at a time, and not past a place of comparison.
    var unhashed: Range<Int64> {
        let end = min(extents.prefix, hashed + (1 << 20), repetition.next(after: hashed) ?? .max)
        return hashed..<max(hashed, end)
    }
}
