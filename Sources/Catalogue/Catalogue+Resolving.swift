internal import GRDB
internal import OCI

extension Catalogue {
    /// The image that a person means by `text`, in docker's order: a whole ID (`sha256:…`, or its 64 hex digits alone)
    /// and nothing else; `name@digest`; `name[:tag]`; the first 4 digits or more of an ID, if only one has them.
    /// - Throws: ``CatalogueError``: `noSuchImage`, `ambiguous`; ``OCIError/invalidReference(_:reason:)``.
    public func resolve(_ text: String) async throws -> ImageSummary {
        if let id = wholeID(text) {
            guard let image = try await image(id) else { throw CatalogueError.noSuchImage(id.description) }
            return image
        }
        let reference = try Reference(parsing: text)
        let prefix = prefixOfID(text)
        let found = try await read { [readers] db in
            let reader = SummaryReader(db: db, readers: readers)
            return try reader.named(reference) ?? prefix.flatMap { try reader.beginning(with: $0) }
        }
        guard let found else { throw CatalogueError.noSuchImage(reference.withDefaultTag.familiar) }
        return found
    }
}

extension SummaryReader {
    fileprivate func beginning(with prefix: String) throws -> ImageSummary? {
        // "g" follows the last hex digit: all IDs that go on after the prefix are between the two.
        let ids = try String.fetchAll(
            db.cachedStatement(sql: "SELECT digest FROM images WHERE digest >= ? AND digest < ? LIMIT 2"),
            arguments: ["sha256:\(prefix)", "sha256:\(prefix)g"])
        guard ids.count < 2 else { throw CatalogueError.ambiguous(prefix) }
        return try ids.first.flatMap { try first(where: "digest = ?", [$0]) }
    }
}

private func wholeID(_ text: String) -> Digest? {
    (try? Digest(parsing: text)) ?? (try? Digest(parsing: "sha256:" + text))
}

/// Docker takes the digits with and without the algorithm before them.
private func prefixOfID(_ text: String) -> String? {
    let digits = text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...]
    let isHex = digits.utf8.allSatisfy {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
    }
    return isHex && 4...64 ~= digits.utf8.count ? String(digits) : nil
}
