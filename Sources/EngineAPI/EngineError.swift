internal import OCI

/// What this room itself refuses. The sentences are dockerd's where clients look at them.
enum EngineError: Fault, Equatable {
    /// Older than the oldest version spoken here.
    case clientTooOld(String)
    /// Newer than the newest version spoken here.
    case clientTooNew(String)
    /// A `filters` value that is no JSON of either known shape.
    case malformedFilters
    /// A filter of this name is unknown here, or its values make no sense together.
    case invalidFilter(String)
    /// A glob that is none.
    case badPattern(String)
    /// Neither a moment nor a duration.
    case invalidTime(String)
    /// A `type` of `/system/df` that there is not.
    case unknownObjectType(String)
    /// A `platform` value that is not what the route takes.
    case malformedPlatform(String)
    /// The image is here, but not for this platform.
    case platformNotHere(String, wanted: Platform, actual: [Platform])
    /// All manifests of an image and one of them are asked for at once.
    case manifestsOrPlatform
    /// A name that may not be pulled.
    case reservedName(String)
    /// An image is to be removed, and none is named.
    case blankName
    /// A digest where a tag belongs.
    case digestAsTag
    /// A name that could be taken for the beginning of a digest.
    case ambiguousTag
    /// Something holds the image, or names that were not asked for.
    case conflict(String, canBeForced: Bool, reason: String)
    /// Somebody else prunes just now.
    case pruneRunning
    /// Events are asked for until a time before their beginning.
    case reversedSpan(since: String, until: String)
    /// A body of another type where JSON is wanted. Carries the type.
    case notJSON(String)
    /// A body that is no JSON. Carries where it goes wrong.
    case malformedBody(String)
    /// Neither an image nor an archive is named.
    case nothingToPull
    /// A repository without a single tag.
    case noTags(Repository)
    /// The config has more history than layers.
    case inconsistentHistory(String)
    /// The catalogue names a blob that the store has lost.
    case contentMissing(Digest)
    /// One platform of an image is to go and the others to stay, without `force`.
    case removalOfPlatform
    /// A platform of an image cannot be removed. Carries the image's ID.
    case platformStays(Digest, Platform, reason: String, FaultKind)
    /// The machine's engine does this.
    case elsewhere(String)

    var kind: FaultKind {
        switch self {
        case .clientTooOld, .clientTooNew, .malformedFilters, .invalidFilter, .badPattern,
            .invalidTime, .unknownObjectType, .malformedPlatform, .manifestsOrPlatform, .nothingToPull, .blankName,
            .digestAsTag, .ambiguousTag, .reversedSpan, .notJSON, .malformedBody, .removalOfPlatform:
            .invalidInput
        case .platformNotHere, .noTags: .notFound
        case .reservedName: .forbidden
        case .conflict, .pruneRunning: .alreadyExists
        case .inconsistentHistory: .integrity
        case .contentMissing: .internalFailure
        case .elsewhere: .unsupported
        case .platformStays(_, _, _, let kind): kind
        }
    }

    var description: String {
        switch self {
        case .clientTooOld(let version):
            "client version \(version) is too old. Minimum supported API version is \(APIVersion.oldest), "
                + "please upgrade your client to a newer version"
        case .clientTooNew(let version):
            "client version \(version) is too new. Maximum supported API version is \(APIVersion.newest)"
        case .malformedFilters: "invalid filter"
        case .invalidFilter(let filter): "invalid filter '\(filter)'"
        case .badPattern(let pattern): "syntax error in pattern \"\(pattern)\""
        case .invalidTime(let text): "failed to parse value as time or duration: \"\(text)\""
        case .unknownObjectType(let type): "unknown object type: \(type)"
        case .malformedPlatform(let text): "invalid platform \"\(text)\": expected JSON with os and architecture"
        case .platformNotHere(let name, let wanted, let actual):
            "image with reference \(name) was found but does not match the specified platform: wanted \(wanted), "
                + "actual: \(actual.isEmpty ? "none" : actual.map(\.description).joined(separator: ", "))"
        case .manifestsOrPlatform: "conflicting options: manifests and platform options cannot both be set"
        case .reservedName(let name): "'\(name)' is a reserved name"
        case .blankName: "image name cannot be blank"
        case .digestAsTag: "cannot import digest reference"
        case .ambiguousTag: "refusing to create an ambiguous tag using digest algorithm as name"
        case .conflict(let subject, let canBeForced, let reason):
            "conflict: unable to delete \(subject) (\(canBeForced ? "must be forced" : "cannot be forced")) - \(reason)"
        case .pruneRunning: "a prune operation is already running"
        case .reversedSpan(let since, let until):
            "`since` time (\(since)) cannot be after `until` time (\(until))"
        case .notJSON(let type):
            "unsupported Content-Type header (\(type.prefix(64))): must be 'application/json'"
        case .malformedBody(let place): "invalid JSON \(place)"
        case .nothingToPull: "invalid reference format: neither fromImage nor fromSrc is given"
        case .noTags(let repository): "\(repository.familiar) has no tags to pull"
        case .inconsistentHistory(let name): "too many non-empty layers in History section of \(name)"
        case .contentMissing(let digest):
            "the content store has lost \(digest), which the catalogue names: pull the image again"
        case .removalOfPlatform:
            "Content will be removed from all images referencing this variant. Use —-force to force delete."
        case .platformStays(let id, let platform, let reason, _):
            "failed to delete platform \(platform) for image \(id): \(reason)"
        case .elsewhere(let what):
            "\(what) is not supported by layerd: ask this machine's container engine, whose pulls layerd serves"
        }
    }
}

/// The one place where kinds become status codes.
///
/// Never 401: asked to pull, the docker command answers it with a prompt, and waits for ever where nobody types. What
/// dockerd has no code of its own for is 500 there and here.
func status(of kind: FaultKind) -> Int {
    switch kind {
    case .invalidInput: 400
    case .forbidden: 403
    case .notFound, .unauthenticated: 404
    case .alreadyExists: 409
    case .rateLimited: 429
    case .unsupported: 501
    case .integrity, .outOfSpace, .timedOut, .unavailable, .cancelled, .internalFailure: 500
    }
}
