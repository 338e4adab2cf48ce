/// What the parts of the store take, in bytes.
public struct StoreUsage: Sendable, Equatable {
    /// One part's files.
    public struct Part: Sendable, Equatable {
        /// Sum of the files' lengths.
        public var logical: Int64 = 0
        /// What they take from the disk (`st_blocks`); more than `logical` by rounding, less where files are sparse.
        public var physical: Int64 = 0

        public init(logical: Int64 = 0, physical: Int64 = 0) {
            self.logical = logical
            self.physical = physical
        }
    }

    public var blobs: Part
    public var ingest: Part
    public var quarantine: Part

    public init(blobs: Part = Part(), ingest: Part = Part(), quarantine: Part = Part()) {
        self.blobs = blobs
        self.ingest = ingest
        self.quarantine = quarantine
    }
}
