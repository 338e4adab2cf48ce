public import OCI

/// What the catalogue can fail of.
public enum CatalogueError: Fault, Equatable {
    /// Nothing recorded has that name or ID. Carries the name in familiar form, with its tag.
    case noSuchImage(String)
    /// The first digits of more than one image's ID. Carries them.
    case ambiguous(String)
    /// A digest reference given to an image whose target has another digest.
    case misnamed(Reference, target: Digest)
    /// A blob is recorded with one length in bytes and was now given with another.
    case contradictorySize(Digest, recorded: Int64, given: Int64)
    /// The file is no database any more, or what is in it makes no sense.
    case damaged(path: String, reason: String)
    /// A database, but another program's.
    case foreign(path: String)
    /// A catalogue that a newer layerd has changed.
    case newer(path: String)
    /// The file cannot be opened, read or written.
    case unusable(path: String, reason: String)
    /// Another process holds the file's lock.
    case busy(path: String)
    /// No room on the file's disk; nothing was changed.
    case full(path: String)
    /// SQLite refused; nothing was changed.
    case failed(path: String, reason: String)

    public var kind: FaultKind {
        switch self {
        case .noSuchImage, .ambiguous: .notFound
        case .misnamed: .invalidInput
        case .contradictorySize, .damaged: .integrity
        case .busy: .unavailable(retryAfter: nil)
        case .full: .outOfSpace
        case .foreign, .newer, .unusable, .failed: .internalFailure
        }
    }

    public var description: String {
        switch self {
        case .noSuchImage(let name): "No such image: \(name)"
        case .ambiguous(let prefix):
            "ambiguous reference: the IDs of several images begin with \(prefix); give more digits"
        case .misnamed(let reference, let target): "\(reference) cannot name \(target): the digests differ"
        case .contradictorySize(let digest, let recorded, let given):
            "blob \(digest) is recorded with \(recorded) bytes and cannot have \(given)"
        case .damaged(let path, let reason):
            "the catalogue \(path) is damaged (\(reason)): move it away together with its -wal and -shm files and "
                + "start layerd again; layers stay on disk, and pulling an image enters it anew"
        case .foreign(let path):
            "\(path) is a database of another program: give layerd another state directory, or move the file away"
        case .newer(let path):
            "the catalogue \(path) was changed by a newer layerd: start that version again, or move the file away"
        case .unusable(let path, let reason):
            "the catalogue \(path) cannot be used (\(reason)): look at its owner, its mode and its disk"
        case .busy(let path): "the catalogue \(path) is held by another process: end that process"
        case .full(let path): "no space left on device for the catalogue \(path): free some, nothing was changed"
        case .failed(let path, let reason): "the catalogue \(path) refused a change (\(reason)); nothing was changed"
        }
    }
}
