internal import GRDB

/// The tables, and the steps they came by. A step that was released never changes; another one follows it.
///
/// Rows refer to one another by small integers: with digests, `uses` would be ten times as large. Moments are seconds
/// since 1970 and nanoseconds, for the year 1, which some builds date their images with, is beyond what 64 bits of
/// nanoseconds reach.
enum Schema {
    /// "layd" in the file's header: tells a catalogue from another program's database.
    static let applicationID: Int64 = 0x6c61_7964

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: images, blobs, uses, manifests, names") { db in
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
            try db.execute(sql: content)
            try db.execute(sql: relations)
        }
        migrator.registerMigration("2: pins and uses") { db in try db.execute(sql: pinsAndUses) }
        migrator.registerMigration("verifications") { db in try db.execute(sql: verifications) }
        migrator.registerMigration("confirmations") { db in try db.execute(sql: confirmations) }
        migrator.registerMigration("moments") { db in try db.execute(sql: moments) }
        migrator.registerMigration("checking of layers") { db in try db.execute(sql: checking) }
        migrator.registerMigration("warm states") { db in try db.execute(sql: warmStates) }
        migrator.registerMigration("revisions") { db in try db.execute(sql: revisions) }
        return migrator
    }

    /// `users`, `size`, `shared_size`, the unpacked sums and `totals` are the ledger's (`Ledger`).
    private static let content = """
        CREATE TABLE blobs (
            id INTEGER PRIMARY KEY,
            digest TEXT NOT NULL UNIQUE,
            media_type TEXT NOT NULL,
            size INTEGER NOT NULL CHECK (size >= 0),
            role TEXT NOT NULL,
            diff_id TEXT,
            unpacked_size INTEGER CHECK (unpacked_size >= 0),
            source TEXT,
            private INTEGER NOT NULL CHECK (private IN (0, 1)),
            recorded INTEGER NOT NULL, recorded_nanos INTEGER NOT NULL,
            last_used INTEGER NOT NULL, last_used_nanos INTEGER NOT NULL,
            users INTEGER NOT NULL DEFAULT 0 CHECK (users >= 0)
        ) STRICT;
        CREATE TABLE images (
            id INTEGER PRIMARY KEY,
            digest TEXT NOT NULL UNIQUE,
            media_type TEXT NOT NULL,
            target_size INTEGER NOT NULL,
            target TEXT, -- the whole descriptor, where it says more than the three columns before
            created INTEGER, created_nanos INTEGER,
            labels TEXT,
            recorded INTEGER NOT NULL, recorded_nanos INTEGER NOT NULL,
            size INTEGER NOT NULL DEFAULT 0,
            shared_size INTEGER NOT NULL DEFAULT 0 CHECK (shared_size BETWEEN 0 AND size),
            unpacked_size INTEGER NOT NULL DEFAULT 0,
            unpacked_missing INTEGER NOT NULL DEFAULT 0 CHECK (unpacked_missing >= 0)
        ) STRICT;
        CREATE TABLE totals (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            layers_size INTEGER NOT NULL CHECK (layers_size >= 0),
            blobs INTEGER NOT NULL CHECK (blobs >= 0)
        ) STRICT;
        INSERT INTO totals VALUES (1, 0, 0);
        """

    private static let relations = """
        CREATE TABLE uses (
            image INTEGER NOT NULL REFERENCES images (id),
            blob INTEGER NOT NULL REFERENCES blobs (id),
            PRIMARY KEY (image, blob)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX uses_by_blob ON uses (blob);
        CREATE TABLE manifests (
            id INTEGER PRIMARY KEY,
            image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
            digest TEXT NOT NULL,
            position INTEGER NOT NULL,
            descriptor TEXT NOT NULL,
            kind TEXT NOT NULL,
            available INTEGER NOT NULL CHECK (available IN (0, 1)),
            config TEXT,
            layers TEXT NOT NULL,
            attestation_for TEXT,
            UNIQUE (image, digest)
        ) STRICT;
        CREATE TABLE names (
            name TEXT PRIMARY KEY NOT NULL, -- canonical
            repository TEXT NOT NULL,
            tag TEXT, -- NULL in a digest reference
            image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
            updated INTEGER NOT NULL, updated_nanos INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX names_by_image ON names (image);
        """
}
