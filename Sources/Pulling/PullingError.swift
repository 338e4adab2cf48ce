public import OCI

/// What a pull can fail of by itself; faults of the registry, the store and the catalogue pass through as they are.
public enum PullingError: Fault {
    /// No manifest of the index fits. Carries the platforms there are.
    case noMatchingPlatform(Reference, wanted: Platform, available: [Platform])
    /// A single manifest, whose config says another platform than the one asked for.
    case platformMismatch(Reference, wanted: Platform, actual: Platform)
    /// A manifest, index or config of the image breaks its specification.
    case badDocument(Reference, Digest, cause: OCIError)
    /// Indexes within indexes, deeper than any real image.
    case nestedTooDeep(Reference)
    /// More distinct blobs than any real image has.
    case tooManyLayers(Reference, count: Int)
    /// A pin is a name's, and this image has none.
    case nothingToPin(Digest)

    /// An image, of which nothing that is an image of the platform is here.
    case nothingToCompare(String)

    public var kind: FaultKind {
        switch self {
        case .noMatchingPlatform, .platformMismatch: .notFound
        case .badDocument(_, _, let cause): cause.kind
        case .nestedTooDeep, .tooManyLayers: .integrity
        case .nothingToPin: .invalidInput
        case .nothingToCompare: .notFound
        }
    }

    public var description: String {
        switch self {
        case .noMatchingPlatform(let reference, let wanted, let available):
            "no matching manifest for \(wanted) in \(reference); "
                + (available.isEmpty ? "it names no platform" : "it has \(list(available))")
        case .platformMismatch(let reference, let wanted, let actual):
            "image with reference \(reference) was found but does not match the specified platform: "
                + "wanted \(wanted), actual: \(actual)"
        case .badDocument(let reference, let digest, let cause):
            "\(reference) at \(reference.repository.domain) cannot be pulled: \(digest): \(cause)"
        case .nestedTooDeep(let reference):
            "\(reference) cannot be pulled: its indexes are nested more than \(PullPlan.maximumNesting) deep"
        case .tooManyLayers(let reference, let count):
            "\(reference) cannot be pulled: its manifest names \(count) layers, more than \(PullPlan.maximumLayers)"
        case .nothingToCompare(let name): "of \(name) nothing is here that is an image for the platform: pull it first"
        case .nothingToPin(let id): "\(id) has no name that could be pinned: tag it first"
        }
    }

    public var cause: (any Error)? {
        if case .badDocument(_, _, let cause) = self { cause } else { nil }
    }

    /// At most a line of them: an index may name hundreds.
    private func list(_ platforms: [Platform]) -> String {
        let shown = platforms.prefix(16).map(\.description).joined(separator: ", ")
        return platforms.count > 16 ? shown + ", …" : shown
    }
}
