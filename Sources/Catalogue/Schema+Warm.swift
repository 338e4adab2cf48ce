extension Schema {
    /// How each entry of a warm list fared. An entry is a list's, an image's as it is written, and a platform's (empty
    /// for the machine's); `failures` counts those since it last went well.
    static let warmStates = """
        CREATE TABLE warm (
            list TEXT NOT NULL,
            image TEXT NOT NULL,
            platform TEXT NOT NULL,
            digest TEXT,
            checked INTEGER NOT NULL, checked_nanos INTEGER NOT NULL,
            changed INTEGER, changed_nanos INTEGER,
            error TEXT,
            failures INTEGER NOT NULL CHECK (failures >= 0),
            PRIMARY KEY (list, image, platform)
        ) STRICT, WITHOUT ROWID;
        """
}
