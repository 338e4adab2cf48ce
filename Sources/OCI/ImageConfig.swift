/// The JSON that describes an image: what it runs on, how it is run, what its layers are and how they came about.
///
/// Source: OCI image-spec v1.1.1, `config.md`.
public struct ImageConfig: Sendable {
    /// Longest config accepted, in bytes.
    public static let maximumSize = 8 << 20

    /// How one layer, or one step without a layer, came about.
    public struct History: Sendable, Hashable {
        /// When the step was run.
        public var created: Timestamp?
        /// The instruction or command; empty where it is not known.
        public var createdBy: String
        /// Who ran it; empty where it is not known.
        public var author: String
        /// A remark of the builder; empty where there is none.
        public var comment: String
        /// The step changed no files and has no layer.
        public var emptyLayer: Bool
    }

    /// As the config says, not normalised; the host's where it says nothing, as docker takes it.
    public var platform: Platform
    /// When the image was made; builds that are to be reproducible leave it out or put a fixed date.
    public var created: Timestamp?
    /// Who made the image; empty where it is not known.
    public var author: String
    /// Digests of the uncompressed layers, lowest first; none where a config of an artifact has no rootfs.
    public var diffIDs: [Digest]
    /// The steps that made the image, first to last; more than layers, for some changed no files.
    public var history: [History]
    /// Of `config.Labels`, in the order of the document.
    public var labels: [(key: String, value: String)]
    /// The `config` object as it is.
    public var config: JSON?
    /// The whole document.
    public var raw: JSON

    /// - Throws: ``OCIError/invalidJSON(offset:reason:)``, ``OCIError/invalidDocument(_:reason:)``.
    public init(parsing bytes: [UInt8]) throws(OCIError) {
        let document = "image config"
        raw = try JSON(parsing: bytes)
        guard raw.members != nil else { throw .invalidDocument(document, reason: "it is no object") }
        try configNames.check(raw, in: document)
        platform = Platform(
            os: try raw.nonEmptyString("os", in: document) ?? Platform.host.os,
            architecture: try raw.nonEmptyString("architecture", in: document) ?? Platform.host.architecture,
            variant: try raw.nonEmptyString("variant", in: document),
            osVersion: try raw.nonEmptyString("os.version", in: document),
            osFeatures: try raw.optionalStrings("os.features", in: document))
        created = try raw.timestamp("created", in: document)
        author = try raw.optionalString("author", in: document) ?? ""
        diffIDs = try ImageConfig.diffIDs(of: raw, in: document)
        history = []
        for step in try raw.optionalArray("history", in: document) {
            history.append(try History(step, in: document))
        }
        config = raw.optional("config")
        if let config {
            guard config.members != nil else { throw .invalidDocument(document, reason: "\"config\" is no object") }
            try executionNames.check(config, in: document)
        }
        labels = try config?.optionalStringMembers("Labels", in: document) ?? []
    }

    private static func diffIDs(of json: JSON, in document: String) throws(OCIError) -> [Digest] {
        guard let rootfs = json.optional("rootfs") else { return [] }
        guard rootfs.members != nil else { throw .invalidDocument(document, reason: "\"rootfs\" is no object") }
        try rootfsNames.check(rootfs, in: document)
        var digests: [Digest] = []
        for text in try rootfs.optionalStrings("diff_ids", in: document) {
            do { digests.append(try Digest(parsing: text)) } catch {
                throw .invalidDocument(document, reason: error.description)
            }
        }
        return digests
    }
}

extension ImageConfig.History {
    fileprivate init(_ json: JSON, in document: String) throws(OCIError) {
        guard json.members != nil else { throw .invalidDocument(document, reason: "a step of history is no object") }
        try historyNames.check(json, in: document)
        created = try json.timestamp("created", in: document)
        createdBy = try json.optionalString("created_by", in: document) ?? ""
        author = try json.optionalString("author", in: document) ?? ""
        comment = try json.optionalString("comment", in: document) ?? ""
        guard let emptyLayer = (json.optional("empty_layer") ?? false).bool else {
            throw .invalidDocument(document, reason: "\"empty_layer\" is neither true nor false")
        }
        self.emptyLayer = emptyLayer
    }
}

extension JSON {
    fileprivate func timestamp(_ key: String, in document: String) throws(OCIError) -> Timestamp? {
        guard let text = try nonEmptyString(key, in: document) else { return nil }
        do { return try Timestamp(parsing: text) } catch {
            throw .invalidDocument(document, reason: error.description)
        }
    }
}

private let configNames = KnownNames([
    "architecture", "os", "os.version", "os.features", "variant", "created", "author", "config", "rootfs", "history",
])
private let rootfsNames = KnownNames(["type", "diff_ids"])
private let historyNames = KnownNames(["created", "created_by", "author", "comment", "empty_layer"])
private let executionNames = KnownNames([
    "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal", "ArgsEscaped",
    "Healthcheck", "OnBuild", "Shell", "StopTimeout",
])
