extension Schema {
    /// Which images changed since when: whoever keeps something made of every image asks for those alone that came or
    /// changed after the revision it has. A change of a name is one of its image. What only the check of layers or
    /// nobody but the ledger looks at is none.
    static let revisions = """
        ALTER TABLE totals ADD COLUMN revision INTEGER NOT NULL DEFAULT 0; -- grows with every change of an image
        ALTER TABLE totals ADD COLUMN removals INTEGER NOT NULL DEFAULT 0; -- grows with every image that goes
        ALTER TABLE images ADD COLUMN revision INTEGER NOT NULL DEFAULT 0; -- that of its last change
        CREATE INDEX images_by_revision ON images (revision);
        CREATE TRIGGER image_added AFTER INSERT ON images BEGIN \(change(of: "NEW.id")) END;
        CREATE TRIGGER image_changed AFTER UPDATE OF media_type, target_size, target, created, created_nanos, labels,
            size, shared_size, unpacked_size, unpacked_missing, last_used, last_used_nanos, uses, problem ON images
            BEGIN \(change(of: "NEW.id")) END;
        CREATE TRIGGER image_removed AFTER DELETE ON images
            BEGIN UPDATE totals SET revision = revision + 1, removals = removals + 1; END;
        CREATE TRIGGER name_added AFTER INSERT ON names BEGIN \(change(of: "NEW.image")) END;
        CREATE TRIGGER name_changed AFTER UPDATE ON names BEGIN \(change(of: "NEW.image, OLD.image")) END;
        CREATE TRIGGER name_removed AFTER DELETE ON names BEGIN \(change(of: "OLD.image")) END;
        """

    private static func change(of images: String) -> String {
        """
        UPDATE totals SET revision = revision + 1;
        UPDATE images SET revision = (SELECT revision FROM totals) WHERE id IN (\(images));
        """
    }
}
