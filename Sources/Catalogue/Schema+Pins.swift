extension Schema {
    /// A pin is a name's: it follows the name to another image and goes with it. `uses` and `last_used` say what to
    /// evict first; of an image that is not used since it was recorded, `last_used` is NULL.
    static let pinsAndUses = """
        ALTER TABLE names ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));
        ALTER TABLE images ADD COLUMN last_used INTEGER;
        ALTER TABLE images ADD COLUMN last_used_nanos INTEGER;
        ALTER TABLE images ADD COLUMN uses INTEGER NOT NULL DEFAULT 0 CHECK (uses >= 0);
        ALTER TABLE blobs ADD COLUMN uses INTEGER NOT NULL DEFAULT 0 CHECK (uses >= 0);
        CREATE INDEX manifests_by_digest ON manifests (digest);
        """
}
