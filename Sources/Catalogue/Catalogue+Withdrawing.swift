internal import GRDB
public import OCI

extension Catalogue {
    /// Takes manifests out of an image that keeps its names and its other manifests: they are not available any more,
    /// and the blobs that no manifest needs which stays are the image's no longer.
    ///
    /// Other images that name the same manifests keep them.
    /// - Returns: the blobs that nobody uses any more, `users` 0: their files may go.
    /// - Throws: ``CatalogueError/noSuchImage(_:)``.
    public func withdraw(_ manifests: Set<Digest>, from id: Digest) async throws -> [BlobUse] {
        try await write { db in
            let statement = try db.cachedStatement(sql: "SELECT id FROM images WHERE digest = ?")
            guard let image = try Int64.fetchOne(statement, arguments: [id.description]) else {
                throw CatalogueError.noSuchImage(id.description)
            }
            let entries = try ManifestEntry.all(of: id, db)
            // An index among them has no blobs of its own but itself, and is the image's as long as the image is here.
            let staying = entries.filter { $0.available && !manifests.contains($0.descriptor.digest) }
            let kept = staying.reduce(into: Set([id])) { $0.formUnion($1.content) }
            let leaving = entries.filter { manifests.contains($0.descriptor.digest) }
                .reduce(into: Set()) { $0.formUnion($1.content) }.subtracting(kept)
            let blobs = try BlobUse.all(of: id, db).filter { leaving.contains($0.digest) }
            try Ledger(db: db).leave(image: image, blobs: blobs.map(\.digest))
            let mark = try db.cachedStatement(sql: "UPDATE manifests SET available = 0 WHERE image = ? AND digest = ?")
            for digest in manifests { try mark.execute(arguments: [image, digest.description]) }
            return blobs.filter { $0.users == 1 }.map {
                var blob = $0
                blob.users = 0
                return blob
            }
        }
    }
}

extension ManifestEntry {
    /// Itself, its config and its layers.
    fileprivate var content: Set<Digest> {
        Set([descriptor.digest] + [config].compactMap { $0?.digest } + layers.map(\.digest))
    }
}
