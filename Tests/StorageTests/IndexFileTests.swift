import FoundationEssentials
import Hashing
import OCI
import TestSupport
import Testing

@testable import Storage

@Suite struct `The file index.json` {
    @Test func `has one entry per name, in their order, with both annotations`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            var old = manifest(1)
            old.data = [1]
            old.annotations = ["kept": "yes"]
            try await store.writeIndex([
                try entry("ghcr.io/o/r:1", old), try entry("alpine", manifest(2)),
                try entry("alpine:3.20", manifest(3)),
                try entry("alpine:latest", manifest(4)),
            ])
            let text = String(decoding: try contents(of: root + "/store/index.json"), as: UTF8.self)
            #expect(text == golden)
        }
    }

    @Test func `has the content of the last of many calls when all have returned`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    group.addTask { try await store.writeIndex([try entry("alpine:\(number)", manifest(1))]) }
                }
                try await group.waitForAll()
            }
            try await store.writeIndex([try entry("alpine:last", manifest(1))])
            let json = try JSON(parsing: try contents(of: root + "/store/index.json"))
            #expect(json["manifests"]?.array?.count == 1)
            #expect(
                json["manifests"]?.array?.first?["annotations"]?["io.containerd.image.name"]
                    == "docker.io/library/alpine:last")
        }
    }

    @Test func `is written past what a kill left of an earlier attempt`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            try FileManager.default.createDirectory(
                atPath: root + "/store/index.json.new/inside", withIntermediateDirectories: true)
            try await store.writeIndex([try entry("alpine:3.20", manifest(1))])
            #expect(try names(in: root + "/store") == ["blobs", "index.json", "oci-layout"])
        }
    }
}

private func manifest(_ number: UInt8) -> Descriptor {
    Descriptor(mediaType: .ociManifest, digest: .sha256(of: [number]), size: Int64(number))
}

private func entry(_ name: String, _ descriptor: Descriptor) throws -> NamedDescriptor {
    NamedDescriptor(reference: try Reference(parsing: name).withDefaultTag, descriptor: descriptor)
}

private let golden = """
    {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[\
    {"mediaType":"application/vnd.oci.image.manifest.v1+json",\
    "digest":"sha256:084fed08b978af4d7d196a7446a86b58009e636b611db16211b65a9aadff29c5","size":3,"annotations":\
    {"io.containerd.image.name":"docker.io/library/alpine:3.20",\
    "org.opencontainers.image.ref.name":"docker.io/library/alpine:3.20"}},\
    {"mediaType":"application/vnd.oci.image.manifest.v1+json",\
    "digest":"sha256:e52d9c508c502347344d8c07ad91cbd6068afc75ff6292f062a09ca381c89e71","size":4,"annotations":\
    {"io.containerd.image.name":"docker.io/library/alpine:latest",\
    "org.opencontainers.image.ref.name":"docker.io/library/alpine:latest"}},\
    {"mediaType":"application/vnd.oci.image.manifest.v1+json",\
    "digest":"sha256:4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a","size":1,"annotations":\
    {"io.containerd.image.name":"ghcr.io/o/r:1","kept":"yes",\
    "org.opencontainers.image.ref.name":"ghcr.io/o/r:1"}}]}
    """
