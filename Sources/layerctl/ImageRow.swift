internal import OCI

/// One line of a list of images: a tag of an image, or an image without any.
struct ImageRow {
    var repository = "<none>"
    var tag = "<none>"
    var digest = "<none>"
    var id = ""
    var created: Int64 = 0
    var size: Int64 = 0
    var sharedSize: Int64 = -1
    var containers: Int64 = -1

    /// The rows of one image as the Engine API lists it: one for each tag, in its order. With `digests`, each tag has
    /// the digest of its repository; an image with digests alone gets a row for each.
    static func rows(of image: JSON, digests wanted: Bool) -> [ImageRow] {
        let tags = (image["RepoTags"]?.array ?? []).compactMap(\.string).compactMap { split($0, at: ":") }
        let digests =
            wanted || tags.isEmpty
            ? (image["RepoDigests"]?.array ?? []).compactMap(\.string).compactMap { split($0, at: "@") } : []
        var row = ImageRow()
        row.id = image["Id"]?.string ?? ""
        row.created = image["Created"]?.integer ?? 0
        row.size = image["Size"]?.integer ?? 0
        row.sharedSize = image["SharedSize"]?.integer ?? -1
        row.containers = image["Containers"]?.integer ?? -1
        if !tags.isEmpty {
            return tags.map { repository, tag in
                let digest = wanted ? digests.first { $0.0 == repository }?.1 : nil
                return row.with(repository, tag, digest)
            }
        }
        return digests.isEmpty ? [row] : digests.map { row.with($0.0, nil, wanted ? $0.1 : nil) }
    }

    private func with(_ repository: String, _ tag: String?, _ digest: String?) -> ImageRow {
        var copy = self
        copy.repository = repository
        if let tag { copy.tag = tag }
        if let digest { copy.digest = digest }
        return copy
    }

    /// At the last separator: a registry's port has a colon too.
    private static func split(_ text: String, at separator: Unicode.Scalar) -> (String, String)? {
        guard let index = text.utf8.lastIndex(of: UInt8(ascii: separator)) else { return nil }
        return (String(text[..<index]), String(text[text.utf8.index(after: index)...]))
    }

    var uniqueSize: String {
        sharedSize < 0 ? "N/A" : HumanText.size(size - sharedSize)
    }

    /// With docker's keys, in docker's order.
    func fields(now: Int64, truncate: Bool, digest: String) -> [(String, String)] {
        [
            ("Containers", containers < 0 ? "N/A" : "\(containers)"),
            ("CreatedAt", HumanText.date(created)), ("CreatedSince", HumanText.ago(created, now: now)),
            ("Digest", digest), ("ID", truncate ? HumanText.shortID(id) : id), ("Repository", repository),
            ("SharedSize", sharedSize < 0 ? "N/A" : HumanText.size(sharedSize)),
            ("Size", HumanText.size(size, digits: 3)), ("Tag", tag), ("UniqueSize", uniqueSize),
            ("VirtualSize", HumanText.size(size)),
        ]
    }

    static let fieldNames = ImageRow().fields(now: 0, truncate: false, digest: "").map(\.0)
}
