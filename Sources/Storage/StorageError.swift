public import OCI

/// What the store can fail of.
public enum StorageError: Fault, Equatable {
    /// The store does not hold the blob.
    case notFound(Digest)
    /// Longer than the caller can take. Bytes.
    case tooLarge(Digest, size: Int64, limit: Int)
    /// The bytes that came are not those the digest names.
    case wrongDigest(expected: Digest, actual: Digest)
    /// The source ended before the descriptor's size. Bytes.
    case tooShort(Digest, size: Int64, received: Int64)
    /// The source goes on after the descriptor's size. Bytes.
    case tooLong(Digest, size: Int64)
    /// The store holds the blob, verified, and its length is not the one a descriptor claims. Bytes.
    case wrongSize(Digest, claimed: Int64, actual: Int64)
    /// A negative size in a descriptor.
    case invalidSize(Digest, size: Int64)
    /// A stored blob is not what it was; it was put into quarantine, unless that failed as well.
    indirect case damaged(Digest, reason: String, quarantine: StorageError?)
    /// Space, inodes or quota are used up. Bytes, where known.
    case outOfSpace(SystemFailure, needed: Int64?, free: Int64?)
    /// What is asked for does not fit, and nothing was begun.
    case noRoom(needed: Int64, free: Int64, unit: SpaceUnit)
    /// Another process has the state directory.
    case locked(path: String)
    /// Blobs could not be renamed into place.
    case splitFileSystems(ingest: String, blobs: String)
    /// The directory holds an image layout of a version that layerd does not write.
    case foreignLayout(path: String, version: String)
    /// A writer was used after the `fill` it was given to had ended: a bug of ours.
    case writerClosed(Digest)
    /// Bytes came for a place that holds some already: a bug of ours.
    case alreadyHeld(Digest, at: Int64)
    /// The system refused something else.
    case system(SystemFailure)

    public var kind: FaultKind {
        switch self {
        case .notFound: .notFound
        case .tooLarge, .invalidSize, .foreignLayout: .invalidInput
        case .wrongDigest, .tooShort, .tooLong, .wrongSize, .damaged: .integrity
        case .outOfSpace, .noRoom: .outOfSpace
        case .locked: .unavailable(retryAfter: nil)
        case .splitFileSystems, .writerClosed, .alreadyHeld: .internalFailure
        case .system(let failure): failure.kind
        }
    }

    public var description: String {
        switch self {
        case .notFound(let digest): "blob \(digest) is not in the store"
        case .tooLarge(let digest, let size, let limit):
            "blob \(digest) has \(size) bytes, more than the \(limit) allowed for its kind"
        case .wrongDigest(let expected, let actual):
            "the bytes received for \(expected) hash to \(actual); they were dropped"
        case .tooShort(let digest, let size, let received):
            "blob \(digest) ended after \(received) of \(size) bytes; they were dropped"
        case .tooLong(let digest, let size):
            "blob \(digest) goes on after the \(size) bytes its descriptor allows; they were dropped"
        case .wrongSize(let digest, let claimed, let actual):
            "a descriptor claims \(claimed) bytes for blob \(digest), which has \(actual)"
        case .invalidSize(let digest, let size): "a descriptor claims \(size) bytes for blob \(digest)"
        case .damaged(let digest, let reason, let failure):
            "blob \(digest) is damaged on disk (\(reason)) and "
                + (failure.map { "could not be put into quarantine: \($0)" }
                    ?? "was put into quarantine; pull it again")
        case .outOfSpace(let failure, let needed, let free): failure.spaceText(needed: needed, free: free)
        case .noRoom(let needed, let free, let unit):
            "no space left on device: needs \(needed) \(unit.rawValue), free \(free); nothing was fetched; remove "
                + "images or enlarge the file system"
        case .locked(let path): "the state directory \(path) is in use by another layerd; stop it first"
        case .splitFileSystems(let ingest, let blobs):
            "\(ingest) and \(blobs) are on different file systems; the state directory must be on one"
        case .foreignLayout(let path, let version):
            "\(path) says image layout version \(quoted(version)), which layerd does not write; "
                + "choose another state directory"
        case .writerClosed(let digest): "bytes came for blob \(digest) after its ingest had ended"
        case .alreadyHeld(let digest, let position): "bytes of blob \(digest) came twice, from \(position) on"
        case .system(let failure): failure.description
        }
    }

    public var cause: (any Error)? {
        if case .damaged(_, _, let failure) = self { failure } else { nil }
    }
}

/// What a file system can run out of.
public enum SpaceUnit: String, Sendable, Equatable {
    case bytes, files
}

/// Text from a file of unknown origin, made safe for a message.
private func quoted(_ text: String) -> String {
    "\"\(String(text.unicodeScalars.prefix(64).map { 0x20..<0x7F ~= $0.value ? Character($0) : "?" }))\""
}
