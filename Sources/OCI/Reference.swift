/// What names an image: a repository, and a tag, a digest, both or neither.
public struct Reference: Hashable, Sendable, CustomStringConvertible {
    /// Where the image is kept.
    public let repository: Repository
    /// The name of a version, which may come to point elsewhere.
    public let tag: String?
    /// The exact content.
    public let digest: Digest?

    /// Parses the familiar or the canonical form as docker does; no tag is filled in. Costs time in proportion to the
    /// length of `text`, whatever it holds.
    /// - Throws: ``OCIError/invalidReference(_:reason:)``, also for 64 hex digits, which are an image ID.
    public init(parsing text: String) throws(OCIError) {
        (repository, tag, digest) = try Repository.split(text)
    }

    /// Joins parts that were parsed before.
    /// - Precondition: `tag` passes ``checkTag(_:)``.
    public init(_ repository: Repository, tag: String?, digest: Digest?) {
        self.repository = repository
        self.tag = tag
        self.digest = digest
    }

    /// - Throws: ``OCIError/invalidReference(_:reason:)`` unless `text` is a letter, digit or `_` and up to 127 of
    ///   letters, digits, `_`, `.` and `-` after it.
    public static func checkTag(_ text: String) throws(OCIError) {
        guard ReferenceGrammar.isTag(Array(text.utf8)[...]) else {
            throw .invalidReference(text, reason: "invalid tag format")
        }
    }

    /// The reference, with the tag `latest` when it has neither tag nor digest.
    public var withDefaultTag: Reference {
        tag == nil && digest == nil ? Reference(repository, tag: "latest", digest: nil) : self
    }

    /// What is asked of a registry: a digest wins over a tag; without either it is `latest`.
    public var forPull: Reference {
        digest == nil ? withDefaultTag : Reference(repository, tag: nil, digest: digest)
    }

    /// The canonical form, `docker.io/library/alpine:3.20@sha256:…`.
    public var description: String { repository.description + suffix }

    /// The form that people write, `alpine:3.20`.
    public var familiar: String { repository.familiar + suffix }

    private var suffix: String { (tag.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "") }
}
