import Catalogue
import OCI
import TestSupport

/// The recorded outputs of the docker command beside the project, and the images they show.
///
/// The command computes ages from its own clock, so the images are dated as long before now as the recorded ones were
/// before the recording, and the dates in the recordings are moved as much. An ID here is the digest of the manifest,
/// as in the containerd store; in the recordings the two differ, so the manifest's digest is replaced by the ID.
struct Golden {
    static let folder = "reference/engine-api/golden/"
    static let now = 1_795_481_968 as Int64

    /// Seconds from the recording until now.
    let shift: Int64
    let images: [TestImage]
    private let identities: [(manifest: String, id: String)]

    init(now: Timestamp) throws {
        let shift = now.seconds - Golden.now
        let meta = try CorpusFiles.json(Golden.folder + "META.json")
        guard let layers = meta["layers"], let images = meta["images"]?.array else { throw Unreadable() }
        var made: [TestImage] = []
        var identities: [(manifest: String, id: String)] = []
        for image in images {
            made.append(try Golden.image(image, layers, shift: shift))
            guard let manifest = image["manifest"]?.string, let id = image["id"]?.string else { throw Unreadable() }
            identities.append((manifest, id))
        }
        self.shift = shift
        self.images = made
        self.identities = identities
    }

    struct Unreadable: Error {}

    private static func image(_ image: JSON, _ layers: JSON, shift: Int64) throws -> TestImage {
        let names = image["tags"]?.array?.compactMap(\.string) ?? []
        guard let id = image["id"]?.string, let first = names.first else { throw Unreadable() }
        let file = first.map { "/:".contains($0) ? "_" : $0 }
        let text = String(decoding: try CorpusFiles.bytes(folder + "inputs/config.\(String(file)).json"), as: UTF8.self)
        let config = Array(moved(text, by: shift).utf8)
        let parsed = try ImageConfig(parsing: config)
        let stack = try (image["layers"]?.array ?? []).map { name in
            guard let layer = name.string.flatMap({ layers[$0] }), let blob = layer["blob"]?.string,
                let size = layer["unpacked"]?.integer
            else { throw Unreadable() }
            return Descriptor(mediaType: .ociLayerGzip, digest: try Digest(parsing: blob), size: size)
        }
        let digest = try Digest(parsing: id)
        return TestImage(
            target: Descriptor(mediaType: .ociManifest, digest: digest, size: 0),
            variants: [.init(digest: digest, platform: parsed.platform, config: config, layers: stack)],
            created: parsed.created, labels: parsed.labels, names: names)
    }

    /// The recorded output of a command, as it has to be now.
    func output(_ label: String) throws -> String {
        var text = String(decoding: try CorpusFiles.bytes(Golden.folder + label), as: UTF8.self)
        for (manifest, id) in identities { text = text.replacing(manifest, with: id) }
        return Golden.moved(text, by: shift)
    }

    /// Moves every date of the recorded year that stands in `text`.
    static func moved(_ text: String, by seconds: Int64) -> String {
        text.replacing(/(20\d\d-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)/) { match in
            guard let moment = try? Timestamp(parsing: "\(match.1)T\(match.3)Z") else { return String(match.0) }
            let later = Timestamp(seconds: moment.seconds + seconds).description
            return String(later.prefix(10)) + match.2 + later.dropFirst(11).prefix(8)
        }
    }
}
