extension Schema {
    /// What a registry last said that a tag means, and when: the mirror answers by it for as long as it may.
    static let confirmations = """
        CREATE TABLE confirmations (
            name TEXT PRIMARY KEY NOT NULL, -- canonical
            digest TEXT NOT NULL,
            media_type TEXT NOT NULL,
            size INTEGER NOT NULL,
            confirmed INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}
