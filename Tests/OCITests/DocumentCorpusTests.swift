import OCI
import TestSupport
import Testing

@Suite(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
struct `Documents of the corpus` {
    /// Files that no reader should take, with a word of the reason given.
    static let refused = [
        "jib__core__json__v22manifest_optional_properties.json": "media type",
        "container-libs__image__fixtures__schema1-to-oci1.json": "size",
        "container-libs__image__fixtures__schema1-to-schema2.json": "size",
        "container-libs__manifest__testdata__ociv1nomime.artifact.json": "digest",
        "container-libs__manifest__testdata__schema2-to-schema1-by-docker.json": "no value",
        "dependabot-core__projects__cooldown__package_metadata.json": "schemaVersion",
        "oci-spec-rs__test__data__artifact_manifest.json": "schemaVersion",
    ]

    @Test func `are read as what they are, or refused for a reason`() throws {
        for row in try CorpusFiles.cases("manifest-digest") {
            let file = try #require(row["file"]?.string)
            let kind = try #require(row["kind"]?.string)
            let bytes = try CorpusFiles.bytes("corpus/public/manifests/" + file)
            do {
                let found = try kindFound(in: bytes, kind)
                #expect(found == kind.split(separator: "-").last.map(String.init), "\(file)")
                #expect(Self.refused[file] == nil, "\(file)")
            } catch OCIError.schema1 {
                #expect(kind.hasPrefix("schema1"), "\(file)")
            } catch {
                let reason = Self.refused[file] ?? "\(file) to be read"
                #expect("\(error)".contains(reason))
            }
        }
    }

    @Test func `agree with the specification's schema, but for the empty list of layers`() throws {
        for row in try CorpusFiles.cases("image-spec-schema") {
            let id = try #require(row["id"]?.string)
            let kind = try #require(row["input"]?["kind"]?.string)
            let bytes = Array(try #require(row["input"]?["document"]?.string).utf8)
            // Descriptors are tested with the descriptor. `oci-layout` is the store's file.
            guard !["descriptor", "layout"].contains(kind) else { continue }
            let isRead = (try? kindFound(in: bytes, kind)) != nil
            // The schema wants one layer at least; docker pulls images without any, and artifacts have none.
            let expected = id == "image-spec-schema-016" ? true : row["expected"]?["valid"]?.bool
            #expect(isRead == expected, "\(id)")
        }
    }

    @Test func `in image layouts are read down to their configs`() throws {
        var configs = 0
        for layout in try CorpusFiles.names(in: "corpus/public/layouts") {
            let root = "corpus/public/layouts/\(layout)"
            guard let file = try? CorpusFiles.bytes(root + "/index.json"), layout != "bad-index-json",
                case .index(let index) = try ManifestDocument(parsing: file, mediaType: nil)
            else { continue }
            var queue = index.manifests
            while let descriptor = queue.popLast() {
                let path = "/blobs/\(descriptor.digest.algorithm)/\(descriptor.digest.hex)"
                guard let bytes = try? CorpusFiles.bytes(root + path), !bytes.isEmpty else { continue }
                if descriptor.mediaType == .ociConfig || descriptor.mediaType == .dockerConfig {
                    configs += try ImageConfig(parsing: bytes).diffIDs.isEmpty ? 0 : 1
                    continue
                }
                guard descriptor.mediaType.isManifest || descriptor.mediaType.isIndex else { continue }
                switch try? ManifestDocument(parsing: bytes, mediaType: descriptor.mediaType) {
                case .index(let index): queue += index.manifests
                case .manifest(let manifest): queue.append(manifest.config)
                // Manifests without config, and one of Docker's announced as OCI's.
                case nil: #expect(["artifact-index", "ggcr-index"].contains(layout), "\(layout) \(descriptor.digest)")
                }
            }
        }
        #expect(configs > 100)
    }

    /// The last word of the corpus's name for the kind that was read.
    private func kindFound(in bytes: [UInt8], _ kind: String) throws -> String {
        if kind.hasSuffix("config") {
            _ = try ImageConfig(parsing: bytes)
            return "config"
        }
        switch try ManifestDocument(parsing: bytes, mediaType: nil) {
        case .index(let index): return index.mediaType == .dockerList ? "list" : "index"
        case .manifest: return kind.hasSuffix("schema2") ? "schema2" : "manifest"
        }
    }
}
