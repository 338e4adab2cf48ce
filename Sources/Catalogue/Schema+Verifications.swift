extension Schema {
    /// What the file system said of a blob's file when it was hashed, and in which boot of the machine that was. Not
    /// bound to `blobs`: a file is verified before anything refers to it.
    static let verifications = """
        CREATE TABLE verifications (
            digest TEXT PRIMARY KEY NOT NULL,
            size INTEGER NOT NULL,
            inode INTEGER NOT NULL,
            changed INTEGER NOT NULL, changed_nanos INTEGER NOT NULL,
            boot TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}
