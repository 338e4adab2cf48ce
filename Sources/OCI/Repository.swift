/// A repository in its registry, in canonical form: `docker.io` and `library/alpine`.
public struct Repository: Hashable, Sendable, CustomStringConvertible {
    /// The registry's name, with its port if one was written.
    public let domain: String
    /// The name within the registry.
    public let path: String

    /// Parses a name without tag and digest, familiar or canonical, filling in what docker fills in.
    /// - Throws: ``OCIError/invalidReference(_:reason:)``.
    public init(parsing name: String) throws(OCIError) {
        let (repository, tag, digest) = try Repository.split(name)
        guard tag == nil, digest == nil else {
            throw .invalidReference(name, reason: "a repository has neither tag nor digest")
        }
        self = repository
    }

    init(domain: String, path: String) {
        self.domain = domain
        self.path = path
    }

    /// The canonical form, `docker.io/library/alpine`.
    public var description: String { "\(domain)/\(path)" }

    /// The form that people write, `alpine`: as docker shows it, but for paths whose first component looks like a host
    /// or an image ID, which would read back as something else; those stay canonical.
    public var familiar: String {
        guard domain == "docker.io" else { return description }
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        let short = components.count == 2 && components[0] == "library" ? String(components[1]) : path
        let isAmbiguous = short.utf8.contains(UInt8(ascii: "/")) && Repository.isHost(String(components[0]))
        return isAmbiguous || ReferenceGrammar.isIdentifier(short) ? description : short
    }

    /// Docker's reading: a first component is a registry only when it looks like a host's name; everything else is at
    /// Docker Hub, and one component alone is an official image.
    ///
    /// Source: github.com/distribution/reference, `normalize.go`.
    static func split(
        _ text: String
    ) throws(OCIError) -> (repository: Repository, tag: String?, digest: Digest?) {
        guard !ReferenceGrammar.isIdentifier(text) else {
            throw .invalidReference(text, reason: "64 hex digits are an image ID and no name")
        }
        guard text.utf8.count <= ReferenceGrammar.maximumLength else {
            throw .invalidReference(text, reason: "it has more than \(ReferenceGrammar.maximumLength) characters")
        }
        guard !text.isEmpty else { throw .invalidReference(text, reason: "it is empty") }
        let (domain, remainder) = dockerDomain(of: text)
        let path = remainder.prefix { $0 != ":" }
        guard !path.utf8.contains(where: { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }) else {
            throw .invalidReference(text, reason: "repository name must be lowercase")
        }
        let parts = try ReferenceGrammar.parse("\(domain)/\(remainder)", of: text)
        // A first component that looks like a host and is none would be taken for a part of the path.
        guard parts.domain == domain else {
            throw .invalidReference(text, reason: "\(quoted(domain)) is no registry")
        }
        return (Repository(domain: domain, path: parts.path), parts.tag, parts.digest)
    }

    private static func dockerDomain(of text: String) -> (domain: String, remainder: String) {
        let official = "library/"
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { return ("docker.io", official + text) }
        let first = String(text[..<slash])
        let rest = String(text[text.utf8.index(after: slash)...])
        let isHub = first == "docker.io" || first == "index.docker.io"
        if isHub { return ("docker.io", rest.utf8.contains(UInt8(ascii: "/")) ? rest : official + rest) }
        return isHost(first) ? (first, rest) : ("docker.io", text)
    }

    /// Whether docker takes a first component for a registry's name.
    private static func isHost(_ component: String) -> Bool {
        component == "localhost"
            || component.utf8.contains {
                $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0
            }
    }
}
