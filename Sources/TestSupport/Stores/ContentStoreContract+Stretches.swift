internal import Hashing
internal import OCI
public import Storage

/// A blob that comes in several places at once.
let stretchClauses = [
    StoreClause("bytes may come in any order") { store in
        let blob = SampleBlob(count: 3_000_000)
        try await store.ingest(blob.descriptor) { writer in
            let late = try await writer.stretch(at: 2_000_000)
            try late.append(blob, 2_000_000..<3_000_000)
            try late.close()
            let middle = try await writer.stretch(at: 1_000_000)
            let early = try await writer.stretch(at: 0)
            for start in stride(from: 0, to: 1_000_000, by: 20_000) {
                try middle.append(blob, 1_000_000 + start..<1_020_000 + start)
                try early.append(blob, start..<start + 20_000)
            }
            try require(early.position == 1_000_000, "the position is \(early.position)")
            try middle.close()
            try early.close()
            try require(writer.offset == 3_000_000 && writer.missing.isEmpty, "missing \(writer.missing)")
        }
        try require(try await store.read(blob.digest, limit: 3_000_000) == blob.bytes, "the bytes are others")
    },
    StoreClause("what came in several places is gone on with by a later attempt") { store in
        let blob = SampleBlob(count: 3_000_000)
        do {
            try await store.ingest(blob.descriptor) { writer in
                for start in [0, 1_000_000, 2_500_000] {
                    let stretch = try await writer.stretch(at: Int64(start))
                    try stretch.append(blob, start..<start + 400_000)
                    try stretch.close()
                }
                throw Broken()
            }
        } catch is Broken {}
        try await store.ingest(blob.descriptor) { writer in
            let missing = writer.missing
            try require(
                missing == [400_000..<1_000_000, 1_400_000..<2_500_000, 2_900_000..<3_000_000], "missing \(missing)")
            try require(writer.held == 1_200_000 && writer.offset == 400_000, "held \(writer.held)")
            for range in missing.reversed() {
                let stretch = try await writer.stretch(at: range.lowerBound)
                try stretch.append(blob, Int(range.lowerBound)..<Int(range.upperBound))
                try stretch.close()
            }
        }
        try require(try await store.read(blob.digest, limit: 3_000_000) == blob.bytes, "the bytes are others")
    },
    StoreClause("bytes for a place that holds some are refused, and the ingest fails") { store in
        let blob = SampleBlob(count: 3000)
        try await require(.internalFailure) {
            try await store.ingest(blob.descriptor) { writer in
                for start in [1000, 0] {
                    let stretch = try await writer.stretch(at: Int64(start))
                    try stretch.append(blob, start..<start + 1500)
                    try stretch.close()
                }
            }
        }
        try require(try await store.size(of: blob.digest) == nil, "the blob shows under its name")
    },
    StoreClause("a stretch that was begun before a restart takes nothing after it") { store in
        let blob = SampleBlob(count: 3000)
        try await store.ingest(blob.descriptor) { writer in
            let old = try await writer.stretch(at: 1000)
            try old.append(blob, 1000..<2000)
            try writer.restart()
            do { try old.append(blob, 2000..<3000) } catch {}
            do { try old.close() } catch {}
            let new = try await writer.stretch(at: 0)
            try new.append(blob, 0..<3000)
            try new.close()
        }
        try require(try await store.read(blob.digest, limit: 3000) == blob.bytes, "the bytes are others")
    },
]

private struct Broken: Error {}

extension BlobStretch {
    /// Appends a part of a blob.
    public func append(_ blob: SampleBlob, _ range: Range<Int>) throws {
        try append(blob.bytes.span.extracting(range).bytes)
    }
}
