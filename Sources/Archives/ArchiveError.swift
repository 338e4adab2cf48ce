// Archives: images out of the store as one tar (`docker save`) and back (`docker load`). Streams both ways: an image of
// any size passes through a few hundred KiB of memory. Nothing in an archive names a file of ours: entries become blobs
// by their digests, or nothing.

public import OCI

/// What an archive, or a wish for one, is refused for. The sentences are docker's where it has one.
public enum ArchiveError: Fault, Equatable {
    /// Neither a docker archive of any age nor an OCI layout.
    case unrecognized
    /// An entry whose name leads out of the archive, or is no name.
    case unsafePath(String)
    /// A kind of entry that no image archive has: a device, a hard link, a file with holes.
    case foreignEntry(String, what: String)
    /// A name that occurs twice: which of the two is meant?
    case duplicate(String)
    /// More than any image archive has. Carries what, in words.
    case tooMuch(String)
    /// A link that leads nowhere, or around in a circle.
    case badLink(String)
    /// A file that the archive's own documents name and that is not in it.
    case missingFile(String)
    /// A blob that a manifest names and that is neither in the archive nor here.
    case missingBlob(Digest, manifest: Digest)
    /// A file under `blobs/` whose bytes are not those of its name.
    case wrongDigest(name: String, actual: Digest)
    /// A blob of another length than its descriptor says. Bytes.
    case wrongSize(Digest, claimed: Int64, actual: Int64)
    /// A document of the archive that breaks its specification.
    case badDocument(String, cause: OCIError)
    /// A document of the archive that makes no sense; carries which, and why.
    case senseless(String, reason: String)
    /// A layer that is not what the config says.
    case wrongDiffID(layer: Int, expected: Digest, actual: Digest)
    /// A config with another number of layers than the manifest.
    case layerCount(expected: Int, actual: Int)
    /// A layer that cannot be inflated.
    case badLayer(Int, reason: String)
    /// No part of the image is for the platform asked for.
    case platformNotHere(String, wanted: Platform, actual: [Platform])
    /// An image of which nothing is here.
    case nothingHere(String)
    /// No name was given.
    case nothingToSave
    /// A stored blob turned out damaged while it was being saved.
    case rotten(Digest)

    public var kind: FaultKind {
        switch self {
        case .unrecognized, .unsafePath, .foreignEntry, .duplicate, .tooMuch, .badLink, .missingFile, .missingBlob,
            .senseless, .layerCount, .nothingToSave:
            .invalidInput
        case .wrongDigest, .wrongSize, .wrongDiffID, .badLayer, .rotten: .integrity
        case .badDocument(_, let cause): cause.kind
        case .platformNotHere, .nothingHere: .notFound
        }
    }

    public var description: String {
        switch self {
        case .unrecognized: "unrecognized image format"
        case .unsafePath(let name): "the archive has an entry \(shown(name)), which leads out of it"
        case .foreignEntry(let name, let what): "the archive has \(what) \(shown(name)), which no image archive has"
        case .duplicate(let name): "the archive has two entries \(shown(name))"
        case .tooMuch(let what): "the archive has \(what)"
        case .badLink(let name): "the link \(shown(name)) leads nowhere in the archive"
        case .missingFile(let name): "the archive names \(shown(name)) and does not have it"
        case .missingBlob(let digest, let manifest):
            "blob \(digest) of manifest \(manifest) is neither in the archive nor in the store"
        case .wrongDigest(let name, let actual): "the bytes of \(shown(name)) hash to \(actual)"
        case .wrongSize(let digest, let claimed, let actual):
            "a descriptor claims \(claimed) bytes for blob \(digest), which has \(actual)"
        case .badDocument(let name, let cause): "\(shown(name)) in the archive: \(cause)"
        case .senseless(let name, let reason): "\(shown(name)) in the archive: \(reason)"
        case .wrongDiffID(let layer, let expected, let actual):
            "invalid diffID for layer \(layer): expected \"\(expected)\", got \"\(actual)\""
        case .layerCount(let expected, let actual):
            "invalid manifest, layers length mismatch: expected \(expected), got \(actual)"
        case .badLayer(let layer, let reason): "layer \(layer) cannot be unpacked: \(reason)"
        case .platformNotHere(let name, let wanted, let actual):
            "image with reference \(name) was found but does not match the specified platform: wanted \(wanted), "
                + "actual: \(actual.isEmpty ? "none" : actual.map(\.description).joined(separator: ", "))"
        case .nothingHere(let name): "no manifest of \(name) is here with all its layers: pull it again"
        case .nothingToSave: "no images to save: name at least one"
        case .rotten(let digest): "blob \(digest) is damaged on disk; pull the image again"
        }
    }

    public var cause: (any Error)? {
        if case .badDocument(_, let cause) = self { cause } else { nil }
    }

    /// A name from outside: in quotes, printable, of a length that fits a line.
    private func shown(_ name: String) -> String {
        let printable = name.unicodeScalars.prefix(128).map {
            $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0)
        }
        return "\"\(String(printable))\(name.unicodeScalars.count > 128 ? "…" : "")\""
    }
}

extension ManifestDocument {
    /// The document, or the fault that names the file it stands in.
    static func read(_ bytes: [UInt8], _ type: MediaType?, file: String) throws -> ManifestDocument {
        do { return try ManifestDocument(parsing: bytes, mediaType: type) } catch {
            throw ArchiveError.badDocument(file, cause: error)
        }
    }
}

extension ImageConfig {
    /// The config, or the fault that names the file it stands in.
    static func read(_ bytes: [UInt8], file: String) throws -> ImageConfig {
        do { return try ImageConfig(parsing: bytes) } catch { throw ArchiveError.badDocument(file, cause: error) }
    }
}

extension MediaType {
    /// A config that says what an image is; artifacts bring configs of their own kinds.
    var isImageConfig: Bool { self == .ociConfig || self == .dockerConfig }
}
