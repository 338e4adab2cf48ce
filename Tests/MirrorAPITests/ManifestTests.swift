import Catalogue
import Hashing
import OCI
import TestSupport
import Testing

@testable import MirrorAPI

@Suite struct `A manifest through the mirror` {
    private let factory = ImageFactory(seed: 11)

    @Test func `is given whatever lines of Accept come in whatever order`() async throws {
        try await withMirror { rig in
            let image = try factory.multiPlatform { try factory.webPing(on: $0) }
            rig.hub.content.add(image, to: "library/app")
            let types: [MediaType] = [.ociManifest, .dockerManifest, .dockerList, .schema1, .schema1Signed]
            for place in [0, 3, 5] {
                var lines = types.map { ("Accept", $0.text) }
                lines.insert(("Accept", MediaType.ociIndex.text), at: place)
                let answer = try await rig.get("/v2/library/app/manifests/latest", lines)
                #expect(answer.status == 200)
                #expect(answer.header("Content-Type") == MediaType.ociIndex.text)
            }
        }
    }

    @Test func `keeps every byte and its type`() async throws {
        try await withMirror { rig in
            let config = ImageFactory(seed: 3).noise("config", bytes: 10)
            let digest = Digest.sha256(of: config.read(at: 0, count: 10))
            let layers = "\"layers\" : [ ],\"x-unknown\":{\"a\":[1,2]}"
            for (tag, type, tail) in [("oci", MediaType.ociManifest, "\n\n"), ("schema2", .dockerManifest, " \t\n")] {
                let text = """
                    {  "mediaType":"\(type)", \(layers),
                      "schemaVersion": 2 , "config":{"size":10,"digest":"\(digest)","mediaType":"a/b"}}\(tail)
                    """
                rig.hub.content.add(config, digest: digest, to: "library/odd")
                let bytes = Array(text.utf8)
                let named = rig.hub.content.addManifest(bytes, mediaType: type, to: "library/odd", tags: [tag])
                for target in [tag, named.description, tag] {
                    let answer = try await rig.get("/v2/library/odd/manifests/\(target)")
                    #expect(answer.status == 200, "\(answer.text)")
                    #expect(answer.body == bytes)
                    #expect(answer.header("Content-Type") == type.text)
                    #expect(answer.header("Docker-Content-Digest") == named.description)
                }
            }
        }
    }

    @Test func `has the same headers for HEAD as for GET, and ETag and 304`() async throws {
        try await withMirror { rig in
            rig.hub.content.add(try factory.application("a", on: factory.baseShared(.host)), to: "library/app")
            let target = "/v2/library/app/manifests/latest"
            _ = try await rig.get(target)
            let (head, get) = (try await rig.ask("HEAD", target), try await rig.get(target))
            #expect(head.headers == get.headers && head.status == 200)
            let tag = try #require(get.header("ETag"))
            for match in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                #expect(try await rig.get(target, [("If-None-Match", match)]).status == 304, "\(match)")
            }
            #expect(try await rig.get(target, [("If-None-Match", "\"sha256:0\"")]).status == 200)
            try await rig.serving { port in
                let result = try await runChecked(
                    "curl",
                    [
                        "-sS", "-I", "http://127.0.0.1:\(port)\(target)", "-o", "/dev/null",
                        "--next", "-sS", "http://127.0.0.1:\(port)\(target)", "-o", "/dev/null", "-w",
                        "%{num_connects}",
                    ])
                #expect(result.output == "0", "a HEAD left the connection unusable")
            }
        }
    }

    @Test func `is looked up by HEAD alone when it has not changed`() async throws {
        try await withMirror { rig in
            let image = try factory.multiPlatform { try factory.webPing(on: $0) }
            rig.hub.content.add(image, to: "library/app")
            #expect(try await rig.pull("library/app", "latest", image) == [])
            let (gets, blobs) = (rig.manifestGets, rig.blobRequests)
            for _ in 0..<20 {
                rig.advance(by: .seconds(601))
                #expect(try await rig.pull("library/app", "latest", image) == [])
            }
            #expect(rig.manifestGets == gets && rig.blobRequests == blobs)
        }
    }

    @Test func `of an index is fetched once, ever, child by child`() async throws {
        try await withMirror { rig in
            let platforms = ["amd64", "arm64", "s390x", "ppc64le", "riscv64"].map {
                Platform(os: "linux", architecture: $0)
            }
            let image = try factory.multiPlatform(platforms) { try factory.webPing(on: $0) }
            rig.hub.content.add(image, to: "library/app")
            for _ in 0..<2 {
                for document in image.documents {
                    #expect(try await rig.get("/v2/library/app/manifests/\(document.digest)").status == 200)
                }
            }
            for document in image.documents {
                let asked = rig.hub.log.records.filter { $0.reference == document.digest.description }
                #expect(
                    asked.count { $0.method == "GET" && $0.status == 200 } == 1,
                    "\(asked.map { "\($0.method) \($0.status)" })")
            }
        }
    }

    @Test func `keeps attestations, which then need no registry`() async throws {
        try await withMirror { rig in
            let image = try factory.multiPlatform([.host]) { try factory.webPing(on: $0) }
            rig.hub.content.add(image, to: "library/app")
            let attestation = try #require(image.manifests.first { $0.isAttestation })
            #expect(try await rig.pull("library/app", "latest", image) == [])
            for blob in attestation.blobs {
                let kind = blob.digest == attestation.document.digest ? "manifests" : "blobs"
                #expect(try await rig.get("/v2/library/app/\(kind)/\(blob.digest)").status == 200)
            }
            _ = try await rig.recorded("app")
            await rig.hub.goOffline()
            for blob in attestation.blobs {
                let kind = blob.digest == attestation.document.digest ? "manifests" : "blobs"
                #expect(try await rig.get("/v2/library/app/\(kind)/\(blob.digest)").status == 200)
            }
            let referrers = try await rig.get("/v2/library/app/referrers/\(attestation.document.digest)")
            #expect(referrers.status == 200)
            #expect(try referrers.json["manifests"]?.array?.isEmpty == true)
        }
    }

    @Test(arguments: [404, 503])
    func `is not given when a blob of it cannot be had`(status: Int) async throws {
        try await withMirror { rig in
            let image = try factory.application("a", on: factory.baseShared(.host))
            rig.hub.content.add(image, to: "library/app")
            let layer = try #require(image.manifests.first?.layers.last)
            rig.hub.misbehave(on: .blob(layer.digest), .always, .status(status))
            let answer = try await rig.get("/v2/library/app/manifests/latest")
            #expect([404, 503].contains(answer.status), "\(answer.status)")
            rig.hub.behave()
            #expect(try await rig.pull("library/app", "latest", image) == [])
        }
    }

    @Test func `has its digest computed where the registry tells none, or another`() async throws {
        for value in [nil, "sha512:" + String(repeating: "a", count: 128)] as [String?] {
            try await withMirror { rig in
                let image = try factory.application("a", on: factory.baseShared(.host))
                rig.hub.content.add(image, to: "library/app")
                rig.hub.misbehave(on: .manifest(), .always, .digestHeader(value))
                let answer = try await rig.get("/v2/library/app/manifests/\(image.digest)")
                #expect(answer.header("Docker-Content-Digest") == image.digest.description, "\(answer.text)")
            }
        }
    }

    @Test func `makes an image in the catalogue when one platform is whole`() async throws {
        try await withMirror { rig in
            let image = try factory.multiPlatform { try factory.webPing(on: $0) }
            rig.hub.content.add(image, to: "library/app")
            let manifest = try #require(image.manifest(for: .host))
            #expect(try await rig.pull("library/app", "latest", image) == [])
            let summary = try await rig.recorded("app:latest")
            #expect(summary.id == image.digest)
            #expect(
                summary.size == image.document.descriptor.size + manifest.blobs.reduce(0) { $0 + $1.descriptor.size })
        }
    }
}
