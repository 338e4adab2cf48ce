/// The steps whose order decides what a kill or a power cut leaves, and whose failures decide what is kept.
enum StorageStep: Sendable, Equatable {
    /// Space for the whole blob is reserved.
    case reserve
    /// Bytes go to the ingest's file.
    case write
    /// What is held of an unfinished blob is noted beside it.
    case journal
    /// The bytes become durable.
    case syncData
    /// The file takes its name under `blobs/`.
    case publish
    /// That name, or a removal, becomes durable.
    case syncDirectory
}

/// Told before each step; what it throws is taken for the step's failure. The seam by which tests see the order, look
/// at the disk between two steps, and let any step fail.
typealias StepObserver = @Sendable (StorageStep) throws(StorageError) -> Void
