public import OCI

/// Something that happened to an image or a name of one.
public struct ImageEvent: Sendable, Equatable {
    public enum Happening: Sendable, Equatable {
        /// A pull of that reference ended well, whether or not it brought anything.
        case pulled(Reference, labels: [String: String])
        /// The name now points to the image.
        case tagged(Digest, as: Reference, labels: [String: String])
        /// The name does not point to the image any more.
        case untagged(Digest, from: Reference, labels: [String: String])
        /// The image is gone from the catalogue.
        case deleted(Digest)
        /// The image came out of an archive.
        case loaded(Digest, labels: [String: String])
        /// The image was written to an archive.
        case saved(Digest, labels: [String: String])
        /// Its layers turned out not to be what its config says; carries a sentence. Docker has no such event.
        case mismatched(Digest, problem: String)
        /// Unused images were removed together, which freed so many bytes.
        case pruned(bytes: Int64)
    }

    public var happening: Happening
    public var time: Timestamp

    public init(_ happening: Happening, at time: Timestamp) {
        self.happening = happening
        self.time = time
    }
}

extension Dictionary where Key == String, Value == String {
    /// An image's labels; of a key that occurs twice, the last value holds.
    public init(labels: [(key: String, value: String)]) {
        self.init(labels.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    }
}
