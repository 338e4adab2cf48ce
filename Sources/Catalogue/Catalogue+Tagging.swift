internal import GRDB
public import OCI

extension Catalogue {
    /// Points names to an image that is recorded; a tag that pointed elsewhere moves, as in
    /// ``record(_:named:)``.
    /// - Throws: ``CatalogueError``: `noSuchImage`, `misnamed`.
    public func tag(_ id: Digest, as names: [Reference]) async throws {
        let names = names.map(\.forPull)
        for name in names {
            guard let digest = name.digest, digest != id else { continue }
            throw CatalogueError.misnamed(name, target: id)
        }
        let now = now()
        try await write { db in
            let statement = try db.cachedStatement(sql: "SELECT id FROM images WHERE digest = ?")
            guard let image = try Int64.fetchOne(statement, arguments: [id.description]) else {
                throw CatalogueError.noSuchImage(id.description)
            }
            for name in names { try Recording(db: db, now: now).point(name, to: image) }
        }
    }
}
