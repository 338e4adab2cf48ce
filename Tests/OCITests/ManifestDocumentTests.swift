import OCI
import Testing

private let config = #"{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(digestText)","size":2}"#
private let layer = #"{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"\#(digestText)","size":3}"#
private let entry = #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(digestText)","size":4}"#
private let image = #""schemaVersion":2,"config":\#(config),"layers":[\#(layer)]"#
private let list = #""schemaVersion":2,"manifests":[\#(entry)]"#

@Suite struct `A manifest document` {
    @Test func `with config and layers is a manifest`() throws {
        let manifest = try #require(
            try manifest(image + #","annotations":{"a":"b"},"artifactType":"a/b","subject":\#(entry)"#))
        #expect(manifest.config.mediaType == .ociConfig)
        #expect(manifest.layers.map(\.size) == [3])
        #expect(manifest.subject?.size == 4)
        #expect(manifest.annotations == ["a": "b"])
        #expect(manifest.artifactType == "a/b")
        #expect(manifest.mediaType == nil)
    }

    @Test func `with manifests is an index`() throws {
        guard case .index(let index) = try document(list + #","subject":\#(entry),"annotations":{"a":"b"}"#) else {
            Issue.record("an index was read as a manifest")
            return
        }
        #expect(index.manifests.map(\.size) == [4])
        #expect(index.subject?.size == 4)
        #expect(index.annotations == ["a": "b"])
    }

    @Test(arguments: [
        (#""layers":[]"#, 0), (#""layers":null"#, 0), (#""layers":[\#(layer),\#(layer)]"#, 2),
    ])
    func `may have no layers, or one twice`(layers: String, count: Int) throws {
        #expect(try manifest(#""schemaVersion":2,"config":\#(config),\#(layers)"#)?.layers.count == count)
    }

    @Test(arguments: [
        MediaType.ociManifest, .dockerManifest, MediaType("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
        MediaType("application/json"), MediaType("text/plain; charset=utf-8"), MediaType("application/octet-stream"),
        MediaType("application/vnd.example+json"),
    ])
    func `is taken for what it is built as when it does not say`(given: MediaType) throws {
        #expect(try manifest(image, given) != nil)
    }

    @Test func `of Docker's type may hold OCI's layers, and unknown ones`() throws {
        let stated = #","mediaType":"application/vnd.docker.distribution.manifest.v2+json""#
        #expect(try manifest(image + stated, .dockerManifest)?.mediaType == .dockerManifest)
        let unknown = layer.split(separator: "vnd.oci.image.layer.v1.tar+gzip").joined(separator: "x-y.z+w")
        #expect(try manifest(#""schemaVersion":2,"config":\#(config),"layers":[\#(unknown)]"#)?.layers.count == 1)
    }

    static let misannounced: [(String, MediaType)] = [
        (image, MediaType.ociIndex), (image, .dockerList), (list, .ociManifest), (list, .dockerManifest),
        (image + #","mediaType":"application/vnd.oci.image.manifest.v1+json""#, .dockerManifest),
        (image + #","mediaType":"application/vnd.oci.image.index.v1+json""#, .ociIndex),
        (list + #","mediaType":"application/vnd.oci.image.manifest.v1+json""#, .ociManifest),
        (list + #","mediaType":"application/vnd.oci.image.index.v1+json""#, .dockerList),
        (image + #","mediaType":"application/vnd.example+json""#, .ociManifest),
        (image + #","mediaType":"application/vnd.OCI.image.manifest.v1+json""#, .ociManifest),
        (image + #","mediaType":"application/vnd.OCI.image.index.v1+json""#, MediaType("text/plain")),
    ]

    @Test(arguments: misannounced)
    func `is refused when it is not what it was announced as`(members: String, given: MediaType) {
        #expect(throws: OCIError.self) { try document(members, given) }
    }

    static let malformed: [String] = [
        "", #""schemaVersion":2"#, #""schemaVersion":2,"config":\#(config)"#,
        #""schemaVersion":2,"layers":[\#(layer)]"#,
        #""schemaVersion":3,"config":\#(config),"layers":[]"#, #""schemaVersion":"2","config":\#(config),"layers":[]"#,
        #""config":\#(config),"layers":[]"#, image + #","manifests":[]"#, image + #","manifests":null"#,
        list + #","config":\#(config)"#, list + #","layers":[]"#, list + #","layers":null"#,
        image + #","Config":{}"#, image + #","LAYERS":[]"#, image + #","Manifests":[]"#, image + #","layer\u017f":[]"#,
        list + #","mAnifests":[]"#, image + #","SchemaVersion":1"#, image + #","mediatype":"x/y""#,
        image + #","mediaType":7"#, image + #","mediaType":"x""#, image + #","subject":"x""#, image + #","config":{}"#,
        #""schemaVersion":2,"config":null,"layers":[]"#, #""schemaVersion":2,"config":[],"layers":[]"#,
        #""schemaVersion":2,"config":\#(config),"layers":{}"#, #""schemaVersion":2,"config":\#(config),"layers":[7]"#,
        #""schemaVersion":2,"manifests":{}"#, #""schemaVersion":2,"blobs":[\#(layer)]"#,
    ]

    @Test(arguments: malformed)
    func `is refused when it is malformed, mixed or ambiguous`(members: String) {
        #expect(throws: OCIError.self) { try document(members) }
    }

    static let schema1: [String] = [
        #""schemaVersion":1,"fsLayers":[],"history":[]"#, #""schemaVersion":2,"fsLayers":[]"#, #""schemaVersion":1"#,
        image + #","mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws""#,
    ]

    @Test(arguments: schema1)
    func `of schema 1 is refused as such`(members: String) {
        #expect(throws: OCIError.schema1) { try document(members) }
    }

    @Test(arguments: [
        MediaType.schema1, .schema1Signed, MediaType("application/vnd.docker.distribution.manifest.v1+json;q=1"),
    ])
    func `announced as schema 1 is refused before it is read`(given: MediaType) {
        #expect(throws: OCIError.schema1) { try ManifestDocument(parsing: [], mediaType: given) }
    }

    @Test func `is refused when its sizes overflow`() {
        let huge = layer.split(separator: #""size":3"#).joined(separator: #""size":9223372036854775807"#)
        #expect(throws: OCIError.self) { try document(#""schemaVersion":2,"config":\#(config),"layers":[\#(huge)]"#) }
        let entries = #"{"mediaType":"a/b","digest":"\#(digestText)","size":9223372036854775807}"#
        #expect(throws: OCIError.self) { try document(#""schemaVersion":2,"manifests":[\#(entries),\#(entries)]"#) }
    }

    @Test func `is refused when it has more layers, entries, values or bytes than an image has`() {
        let layers = Array(repeating: layer, count: 1001).joined(separator: ",")
        #expect(throws: OCIError.self) { try document(#""schemaVersion":2,"config":\#(config),"layers":[\#(layers)]"#) }
        let entries = Array(repeating: entry, count: 1001).joined(separator: ",")
        #expect(throws: OCIError.self) { try document(#""schemaVersion":2,"manifests":[\#(entries)]"#) }
        let values = Array(repeating: "0", count: 20_000).joined(separator: ",")
        #expect(throws: OCIError.self) { try document(image + #","x":[\#(values)]"#) }
        let bytes = String(repeating: " ", count: Manifest.maximumSize)
        #expect(throws: OCIError.self) { try document(image + bytes) }
    }

    @Test(arguments: ["[]", "7", "", "null", "\u{FEFF}{}", "{"])
    func `is refused when it is no object`(text: String) {
        #expect(throws: OCIError.self) { try ManifestDocument(parsing: Array(text.utf8), mediaType: nil) }
    }
}

private func document(_ members: String, _ mediaType: MediaType? = nil) throws -> ManifestDocument {
    try ManifestDocument(parsing: Array("{\(members)}".utf8), mediaType: mediaType)
}

/// `nil` when the document is an index.
private func manifest(_ members: String, _ mediaType: MediaType? = nil) throws -> Manifest? {
    guard case .manifest(let manifest) = try document(members, mediaType) else { return nil }
    return manifest
}
