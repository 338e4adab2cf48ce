internal import Glibc
internal import OCI

/// Writes generated images as an OCI image layout, for tools that read or push one.
///
/// Source: OCI image-spec v1.1.1, `image-layout.md`.
public enum LayoutWriter {
    /// Writes `images`, each under the name that becomes its `org.opencontainers.image.ref.name`, into a directory,
    /// which is made when it does not exist. An index in it is replaced, blobs in it stay.
    /// - Throws: ``StandInError`` and what `FileManager` throws.
    public static func write(_ images: [(name: String, image: GeneratedImage)], to directory: String) throws {
        let blobs = "\(directory)/blobs/sha256"
        try Files.makeDirectory(blobs)
        try Files.write("{\"imageLayoutVersion\":\"1.0.0\"}", to: "\(directory)/oci-layout")
        for blob in images.flatMap({ $0.image.documents + $0.image.blobs }) {
            try copy(blob, to: "\(blobs)/\(blob.digest.hex)")
        }
        let entries = images.map { entry in
            var descriptor = entry.image.target
            descriptor.annotations["org.opencontainers.image.ref.name"] = entry.name
            return descriptor.json
        }
        let index: JSON = [
            "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex.text), "manifests": .array(entries),
        ]
        try Files.write(index.serialized(pretty: 2), to: "\(directory)/index.json")
    }

    private static func copy(_ blob: GeneratedBlob, to path: String) throws {
        if Files.size(path) == blob.descriptor.size { return }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw StandInError.file("create", path: path, errno: errno) }
        defer { close(descriptor) }
        try blob.source.forEachPiece { try Files.append($0, to: descriptor, path: path) }
    }
}
