internal import GRDB
public import OCI

extension Catalogue {
    /// Removes one name and returns the image it pointed to, as it is without it; `nil` when nothing has this name.
    ///
    /// The image stays recorded, without names if that was its last. A digest reference that only follows from a tag is
    /// no name of its own.
    @discardableResult
    public func untag(_ reference: Reference) async throws -> ImageSummary? {
        let name = reference.forPull.description
        return try await write { [readers] db in
            let statement = try db.cachedStatement(sql: "DELETE FROM names WHERE name = ? RETURNING image")
            guard let image = try Int64.fetchOne(statement, arguments: [name]) else { return nil }
            return try SummaryReader(db: db, readers: readers).first(where: "id = ?", [image])
        }
    }

    /// Removes an image with all its names, and the rows of the blobs that no other image uses.
    /// - Returns: those blobs, `users` 0: their files may go.
    /// - Throws: ``CatalogueError/noSuchImage(_:)``.
    @discardableResult
    public func delete(_ id: Digest) async throws -> [BlobUse] {
        try await write { db in
            let statement = try db.cachedStatement(sql: "SELECT id FROM images WHERE digest = ?")
            guard let image = try Int64.fetchOne(statement, arguments: [id.description]) else {
                throw CatalogueError.noSuchImage(id.description)
            }
            return try db.remove(image: image, id)
        }
    }
}
