import Archives
import OCI
import TestSupport
import Testing

/// Archives that real tools made over twelve years: what each is loaded as, or why it is refused.
@Suite(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
struct `Archives of the corpus` {
    private static let byID = "loaded by ID"

    static let accepted: [(String, [String])] = [
        ("bad-no-manifest.tar", ["bazel/v1/tarball:test_image"]),
        ("buildkit-docker.tar", ["github.com/buildkit/archive:docker"]),
        ("containerd-busybox-attestation.tar", ["foo/bar:v3"]),
        ("docker-almost-empty.tar", ["emptyimage:latest"]), ("docker-alpine-3.10.tar.gz", ["alpine:3.10"]),
        ("docker-dive-14-layers.tar", ["dive-test:latest"]),
        ("docker-empty-layer-history.tar", ["bazel/pkg/v1/mutate:source_image"]),
        ("docker-from-scratch-no-repositories.tar", ["she/image_from_scratch:1.0"]), ("docker-gemfile.tar", []),
        ("docker-hello-world-v1.2.tar", ["hello-world:latest"]),
        ("docker-images-v1.1.tar", ["me/test_image_tar:1.0", "she/image_from_scratch:1.0", "you/secondimage:1.2"]),
        ("docker-name-only-xz.tar.xz", ["pretty-empty:latest"]),
        ("docker-pause.tar", ["gcr.io/google-containers/pause:2.0"]),
        ("docker-pre1.10-empty-layers.tar", ["matthughes/library-centos:6-2015.03.20"]),
        ("docker-save-jib-tests.tar", ["extraction.test:latest"]), ("docker-scratch.tar", ["scratchtest2:latest"]),
        ("docker-small-linux.tar", ["bazel/image:image"]), ("docker-structure-test.tar", []),
        (
            "docker-symlinked-layers.tar",
            ["bazel/v1/tarball:test_image_1", "bazel/v1/tarball:test_image_3"]
        ),
        ("docker-test-image-1.tar", ["bazel/v1/tarball:test_image_1"]),
        ("docker-two-images-bundle.tar", ["test_image_1:latest", "test_image_2:latest"]),
        ("docker-two-images-xz.tar.xz", ["example.com/empty/but:different", "example.com/empty:latest"]),
        ("docker-two-names-xz.tar.xz", ["example.com/empty:latest", "pretty-empty:latest"]),
        ("docker-whiteouts.tar", ["bazel/pkg/v1/mutate:whiteout_image"]), ("docker25-hello-world.tar", []),
        ("kaniko-busybox.tar", ["kaniko-busybox:latest"]), ("oci-gzip.tar", []),
        ("oci-hello-world.tar", ["hello-world:latest"]), ("oci-name-only-gz.tar.gz", ["pretty-empty:latest"]),
        ("oci-registry-name-gz.tar.gz", ["example.com/empty:latest"]),
        ("oci-scratch-attestations.tar", ["registry.local/integration-tests/scratch:latest"]),
        ("oci-stereoscope.tar", ["sample:latest"]),
        ("oci-uncompressed.tar", []), ("oci-unnamed-gz.tar.gz", []),
        ("oci-zstd.tar", []),
    ]

    static let refused: [(String, String)] = [
        ("docker-nginx-trimmed.tar", "layers length mismatch: expected 3, got 1"),
        ("docker-windows-mini.tar.gz", "differs from \"rootfs\" in case only"),
        ("oci-nginx-trimmed.tar.gz", "hash to"), ("oci-unsupported.tar", "unrecognized image format"),
        ("oci-with-manifest-json.tar.gz", "hash to"), ("skopeo-centos6-trimmed.tar.gz", "invalid diffID for layer 0"),
        ("skopeo-nginx-compressed-layers.tar", "layers length mismatch: expected 3, got 1"),
    ]

    @Test(arguments: accepted)
    func `are loaded`(name: String, tags: [String]) async throws {
        let rig = try await ArchiveRig()
        let told = try await rig.load(CorpusFiles.bytes("corpus/public/archives/\(name)"))
        let loaded = told.filter { $0.hasPrefix("loaded") }.sorted()
        #expect(loaded == (tags.isEmpty ? [Self.byID] : tags.map { "loaded \($0)" }.sorted()))
        try rig.expectNothingStaged()
    }

    @Test(arguments: refused)
    func `are refused for the right reason`(name: String, reason: String) async throws {
        let rig = try await ArchiveRig()
        let bytes = try CorpusFiles.bytes("corpus/public/archives/\(name)")
        let error = await #expect(throws: (any Error).self) { try await rig.load(bytes) }
        let text = (error as? any Fault)?.description ?? "\(String(describing: error))"
        #expect(text.contains(reason), "\(text)")
        try await rig.expectNothing("\(name)")
    }

    @Test func `are all in one of the two tables`() throws {
        let files = try CorpusFiles.names(in: "corpus/public/archives").filter { $0 != "index.json" }
        let known = Set(Self.accepted.map(\.0) + Self.refused.map(\.0))
        #expect(Set(files) == known)
    }
}
