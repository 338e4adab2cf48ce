internal import OCI

/// What `state.json` says of an ingest.
///
/// While a transfer runs, nothing is written here: of a file that is filled from its beginning, the length says how
/// much it holds, also after a kill. More than one extent would mean a file filled in several places, which only its
/// extents describe; the first is all that this version of layerd uses of one.
struct IngestState: Equatable {
    let digest: Digest
    /// Of the whole blob, in bytes.
    let size: Int64
    /// Where bytes are held: pairs of first byte and the one after the last.
    var extents: [Range<Int64>]

    init(digest: Digest, size: Int64, extents: [Range<Int64>]) {
        self.digest = digest
        self.size = size
        self.extents = extents
    }

    /// `nil` for anything but what ``json`` writes, with extents in order and within the size.
    init?(parsing bytes: [UInt8]) {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { return nil }
        guard let text = json["digest"]?.string, let size = json["size"]?.integer, size >= 0,
            let pairs = json["extents"]?.array
        else { return nil }
        do { digest = try Digest(parsing: text) } catch { return nil }
        var extents: [Range<Int64>] = []
        for pair in pairs {
            guard let ends = pair.array, ends.count == 2, let start = ends[0].integer, let end = ends[1].integer,
                start >= extents.last?.upperBound ?? 0, end >= start, end <= size
            else { return nil }
            extents.append(start..<end)
        }
        self.size = size
        self.extents = extents
    }

    var json: JSON {
        [
            "digest": .string(digest.description),
            "size": .integer(size),
            "extents": .array(extents.map { [.integer($0.lowerBound), .integer($0.upperBound)] }),
        ]
    }

    /// How many bytes from the beginning a file of `length` bytes holds; 0 when nothing can be said.
    func prefix(ofFileWithLength length: Int64) -> Int64 {
        guard length <= size else { return 0 }
        guard let first = extents.first else { return length }
        guard first.lowerBound == 0 else { return 0 }
        return extents.count == 1 ? length : min(first.upperBound, length)
    }
}
