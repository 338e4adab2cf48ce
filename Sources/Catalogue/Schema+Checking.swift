extension Schema {
    /// What was found when a layer was inflated, once for all images that use it; and, for each image, whether that is
    /// what its configs say. A blob that joins an image later makes the image one to be looked at again.
    static let checking = """
        ALTER TABLE blobs ADD COLUMN actual_diff_id TEXT; -- `diff_id` is what a config claims
        ALTER TABLE blobs ADD COLUMN check_failure TEXT; -- why it cannot be inflated
        ALTER TABLE images ADD COLUMN checked INTEGER NOT NULL DEFAULT 0 CHECK (checked IN (0, 1));
        ALTER TABLE images ADD COLUMN problem TEXT;
        CREATE INDEX layers_unchecked ON blobs (id)
            WHERE role = 'layer' AND actual_diff_id IS NULL AND check_failure IS NULL;
        CREATE INDEX images_unchecked ON images (id) WHERE checked = 0;
        CREATE TRIGGER image_grew AFTER INSERT ON uses BEGIN
            UPDATE images SET checked = 0 WHERE id = NEW.image;
        END;
        """
}
