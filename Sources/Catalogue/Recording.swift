internal import GRDB
public import OCI

extension Catalogue {
    /// Enters an image whose blobs are durable, and points `names` to it: one transaction.
    ///
    /// A tag that pointed elsewhere moves; the image it pointed to stays recorded, dangling if that was its last. A
    /// name with a digest is a digest reference, its tag dropped; a name with neither gets `latest`.
    ///
    /// Recording an ID again adds: blobs and manifests that came since join those known, what was available stays so,
    /// and the time of the first recording stays.
    /// - Throws: ``CatalogueError``: `misnamed`, `contradictorySize`.
    public func record(_ image: ImageEntry, named names: [Reference]) async throws {
        let names = names.map(\.forPull)
        for name in names {
            guard let digest = name.digest, digest != image.target.digest else { continue }
            throw CatalogueError.misnamed(name, target: image.target.digest)
        }
        let now = now()
        try await write { db in
            let recording = Recording(db: db, now: now)
            let manifests = try recording.present(image)
            let id = try recording.enter(image)
            try recording.enter(manifests, of: id)
            try recording.enter(image.blobs, of: id)
            for name in names { try recording.point(name, to: id) }
        }
    }
}

/// The steps of one recording, in their transaction.
struct Recording {
    let db: Database
    let now: Timestamp

    func enter(_ image: ImageEntry) throws -> Int64 {
        let target = image.target
        let plain = Descriptor(mediaType: target.mediaType, digest: target.digest, size: target.size)
        let id = try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    INSERT INTO images (digest, media_type, target_size, target, created, created_nanos, labels,
                        recorded, recorded_nanos) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (digest) DO UPDATE SET target = coalesce(excluded.target, target),
                        created = coalesce(excluded.created, created),
                        created_nanos = coalesce(excluded.created_nanos, created_nanos),
                        labels = coalesce(excluded.labels, labels)
                    RETURNING id
                    """),
            arguments: [
                target.digest.description, target.mediaType.text, target.size,
                target == plain ? nil : target.json.text, image.created?.seconds, image.created?.nanoseconds,
                labels(of: image), now.seconds, now.nanoseconds,
            ])
        guard let id else { throw Damage(reason: "an image has no row") }
        return id
    }

    /// The image's manifests as they are here. A pull of one platform carries over what it read of the others before;
    /// what was removed meanwhile, the image or that platform of it, is not here for all that.
    func present(_ image: ImageEntry) throws -> [ManifestEntry] {
        let here = Set(image.blobs.map(\.descriptor.digest))
        let statement = try db.cachedStatement(
            sql: """
                SELECT 1 FROM uses WHERE image = (SELECT id FROM images WHERE digest = ?)
                    AND blob = (SELECT id FROM blobs WHERE digest = ?)
                """)
        return try image.manifests.map { manifest in
            var manifest = manifest
            let digest = manifest.descriptor.digest
            if manifest.available, !here.contains(digest) {
                manifest.available =
                    try Int64.fetchOne(statement, arguments: [image.target.digest.description, digest.description])
                    != nil
            }
            return manifest
        }
    }

    func enter(_ manifests: [ManifestEntry], of image: Int64) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO manifests (image, position, digest, descriptor, kind, available, config, layers,
                    attestation_for) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (image, digest) DO UPDATE SET position = excluded.position,
                    descriptor = excluded.descriptor, kind = excluded.kind, available = excluded.available,
                    config = excluded.config, layers = excluded.layers, attestation_for = excluded.attestation_for
                WHERE excluded.available >= available
                """)
        for (position, manifest) in manifests.enumerated() {
            try statement.execute(arguments: [
                image, position, manifest.descriptor.digest.description, manifest.descriptor.json.text,
                manifest.kind.rawValue, manifest.available, manifest.config?.json.text,
                JSON.array(manifest.layers.map(\.json)).text, manifest.attestationFor?.description,
            ])
        }
    }

    func enter(_ blobs: [BlobEntry], of image: Int64) throws {
        let ledger = Ledger(db: db)
        try ledger.enter(image: image, blobs: try blobs.map { try enter($0, ledger) })
    }

    func point(_ name: Reference, to image: Int64) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO names (name, repository, tag, image, updated, updated_nanos) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (name) DO UPDATE SET image = excluded.image, updated = excluded.updated,
                    updated_nanos = excluded.updated_nanos
                """
        ).execute(arguments: [
            name.description, name.repository.description, name.tag, image, now.seconds, now.nanoseconds,
        ])
    }

    /// Provenance is that of the first fetch, until a private blob comes without credentials.
    private func enter(_ blob: BlobEntry, _ ledger: Ledger) throws -> Int64 {
        let descriptor = blob.descriptor
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    INSERT INTO blobs (digest, media_type, size, role, diff_id, unpacked_size, source, private,
                        recorded, recorded_nanos, last_used, last_used_nanos)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (digest) DO UPDATE SET diff_id = coalesce(diff_id, excluded.diff_id),
                        source = CASE WHEN source IS NULL OR private > excluded.private
                            THEN coalesce(excluded.source, source) ELSE source END,
                        private = min(private, excluded.private),
                        last_used = excluded.last_used, last_used_nanos = excluded.last_used_nanos
                    RETURNING id, size, unpacked_size IS NULL
                    """),
            arguments: [
                descriptor.digest.description, descriptor.mediaType.text, descriptor.size, blob.role.rawValue,
                blob.diffID?.description, blob.unpackedSize, blob.source, blob.isPrivate, now.seconds, now.nanoseconds,
                now.seconds, now.nanoseconds,
            ])
        guard let row else { throw Damage(reason: "a blob has no row") }
        let (id, size) = (try row.integer(0), try row.integer(1))
        guard size == descriptor.size else {
            throw CatalogueError.contradictorySize(descriptor.digest, recorded: size, given: descriptor.size)
        }
        if let unpackedSize = blob.unpackedSize, try row.integer(2) == 1 {
            try ledger.learn(blob: id, unpackedSize: unpackedSize)
        }
        return id
    }

    /// As JSON; of a key that occurs twice, the last value holds.
    private func labels(of image: ImageEntry) -> String? {
        guard !image.labels.isEmpty else { return nil }
        var places: [String: Int] = [:]
        var members: [JSON.Member] = []
        for label in image.labels {
            if let place = places[label.key] {
                members[place].value = .string(label.value)
            } else {
                places[label.key] = members.count
                members.append(JSON.Member(label.key, .string(label.value)))
            }
        }
        return JSON.object(members).text
    }
}

extension JSON {
    fileprivate var text: String { String(decoding: serialized(), as: UTF8.self) }
}
