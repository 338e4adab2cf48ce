internal import OCI

/// What `state.json` says of an ingest.
///
/// A file that is filled from its beginning needs no word of how much it holds: its length tells, also after a kill.
/// `isSparse` says that it is filled in several places, and then only what `extents` lists is held. After a power cut
/// neither says anything, for the length may be there without the bytes; `synced` is what the disk was known to have.
struct IngestState: Equatable {
    let digest: Digest
    /// Of the whole blob, in bytes.
    let size: Int64
    /// Where bytes are held.
    var extents = Extents()
    /// Where bytes are held that survive a power cut.
    var synced = Extents()
    var isSparse = false
    /// Where the bytes come from, registry and repository; `nil` when nobody said.
    var source: String?
    /// The boot in which this was written; `nil` when that is not known.
    var boot: String?

    init(
        digest: Digest, size: Int64, extents: Extents = Extents(), isSparse: Bool = false, source: String? = nil,
        boot: String? = nil
    ) {
        self.digest = digest
        self.size = size
        self.extents = extents
        self.isSparse = isSparse
        self.source = source
        self.boot = boot
    }

    /// `nil` for anything but what ``json`` writes, with extents in order and within the size.
    init?(parsing bytes: [UInt8]) {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { return nil }
        guard let text = json["digest"]?.string, let size = json["size"]?.integer, size >= 0,
            let extents = IngestState.extents(json["extents"], within: size),
            let synced = IngestState.extents(json["synced"] ?? .array([]), within: size)
        else { return nil }
        do { digest = try Digest(parsing: text) } catch { return nil }
        self.size = size
        self.extents = extents
        self.synced = synced
        isSparse = json["sparse"]?.bool ?? (extents.ranges.count > 1)
        source = json["source"]?.string
        boot = json["boot"]?.string
    }

    var json: JSON {
        var members = [
            JSON.Member("digest", .string(digest.description)),
            JSON.Member("size", .integer(size)),
            JSON.Member("extents", IngestState.json(extents)),
            JSON.Member("synced", IngestState.json(synced)),
            JSON.Member("sparse", .bool(isSparse)),
        ]
        if let source { members.append(JSON.Member("source", .string(source))) }
        if let boot { members.append(JSON.Member("boot", .string(boot))) }
        return .object(members)
    }

    /// What a data file of `length` bytes may be taken to hold, in the boot named.
    func held(inFileOfLength length: Int64, boot current: String) -> Extents {
        guard length <= size else { return Extents() }
        if let boot, boot != current { return synced.clipped(to: length) }
        return isSparse ? extents.clipped(to: length) : Extents([0..<length])
    }

    private static func extents(_ json: JSON?, within size: Int64) -> Extents? {
        guard let pairs = json?.array else { return nil }
        var ranges: [Range<Int64>] = []
        for pair in pairs {
            guard let ends = pair.array, ends.count == 2, let start = ends[0].integer, let end = ends[1].integer,
                start >= ranges.last?.upperBound ?? 0, end >= start, end <= size
            else { return nil }
            ranges.append(start..<end)
        }
        return Extents(ranges)
    }

    private static func json(_ extents: Extents) -> JSON {
        .array(extents.ranges.map { [.integer($0.lowerBound), .integer($0.upperBound)] })
    }
}
