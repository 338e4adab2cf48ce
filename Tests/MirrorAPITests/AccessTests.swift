import Catalogue
import OCI
import Pulling
import Registry
import Serving
import Storage
import TestSupport
import Testing

@testable import MirrorAPI

@Suite struct `Private content` {
    private let factory = ImageFactory(seed: 16)

    private func configured(_ settings: inout MirrorRig.Settings) {
        settings.hub = { $0.accounts = ["jo": "secret"] }
        settings.credential = .basic(username: "jo", password: "secret")
    }

    private func add(_ rig: MirrorRig, _ repository: String, readers: Set<String>?) throws -> GeneratedImage {
        let image = try factory.application(repository, on: factory.baseShared(.host))
        rig.hub.content.add(image, to: repository)
        rig.hub.content.restrict(repository, to: readers)
        return image
    }

    /// Puts the image's last layer into the store, past the mirror.
    private func storeLayer(of image: GeneratedImage, _ rig: MirrorRig) async throws -> (GeneratedBlob, [UInt8]) {
        let layer = try #require(image.manifests.first?.layers.last)
        let bytes = try layer.source.readAll()
        try await rig.store.ingest(layer.descriptor) { try $0.append(bytes.span.bytes) }
        return (layer, bytes)
    }

    @Test func `is withheld, on every path, though our credential could fetch it`() async throws {
        try await withMirror {
            configured(&$0)
        } _: { rig in
            let image = try add(rig, "jo/secret", readers: ["jo"])
            let layer = try #require(image.manifests.first?.layers.last)
            for path in ["manifests/latest", "manifests/\(image.digest)", "blobs/\(layer.digest)", "tags/list"] {
                for (method, range) in [("GET", nil), ("HEAD", nil), ("GET", "bytes=0-0")] as [(String, String?)] {
                    let answer = try await rig.ask(
                        method, "/v2/jo/secret/\(path)", range.map { [("Range", $0)] } ?? [])
                    #expect(answer.status == 404, "\(method) \(path): \(answer.status)")
                }
            }
            #expect(try await rig.store.size(of: layer.digest) == nil)
        }
    }

    @Test func `is given to everybody when the configuration says so, and stays private in the catalogue`() async throws
    {
        try await withMirror {
            configured(&$0)
            $0.servesPrivate = true
        } _: { rig in
            let image = try add(rig, "jo/secret", readers: ["jo"])
            #expect(try await rig.pull("jo/secret", "latest", image) == [])
            _ = try await rig.recorded("jo/secret")
            #expect(try await rig.catalogue.isPrivate(image.digest) == true)
        }
    }

    @Test func `that is anybody's is given though we show a credential`() async throws {
        try await withMirror {
            configured(&$0)
        } _: { rig in
            let image = try add(rig, "jo/open", readers: nil)
            #expect(try await rig.pull("jo/open", "latest", image) == [])
            _ = try await rig.recorded("jo/open")
            #expect(try await rig.catalogue.isPrivate(image.digest) == false)
        }
    }

    @Test func `in the store is not given under the name of another repository`() async throws {
        try await withMirror {
            configured(&$0)
        } _: { rig in
            let image = try add(rig, "jo/secret", readers: ["jo"])
            // As a pull over the control socket, with credentials, leaves it before it is recorded.
            let (layer, bytes) = try await storeLayer(of: image, rig)
            for repository in ["jo/secret", "library/other", "ghcr.io/x/y"] {
                let answer = try await rig.get("/v2/\(repository)/blobs/\(layer.digest)")
                #expect(answer.status == 404, "\(repository)")
            }
            // Where the registry gives it to anybody, so does the mirror.
            rig.hub.content.add(layer.source, digest: layer.digest, to: "library/public")
            #expect(try await rig.get("/v2/library/public/blobs/\(layer.digest)").body == bytes)
        }
    }

    /// Here by a pull with credentials: neither tag, manifest, config nor layer, by no method or range, nor a listing,
    /// and the answer is the one for what does not exist.
    @Test func `that was pulled with credentials is to the mirror's clients as if it were not there`() async throws {
        try await withMirror {
            configured(&$0)
        } _: { rig in
            let image = try add(rig, "jo/secret", readers: ["jo"])
            let pull = try await rig.puller.pull(PullRequest(reference: try Reference(parsing: "jo/secret")))
            for try await _ in pull.events {}
            _ = try await pull.outcome()
            #expect(try await rig.catalogue.isPrivate(image.digest) == true)
            let manifest = image.manifests[0]
            let paths =
                ["manifests/latest", "manifests/\(image.digest)", "tags/list"]
                + ([manifest.config] + manifest.layers).map { "blobs/\($0.digest)" }
            for path in paths {
                for method in ["GET", "HEAD"] {
                    let there = try await rig.ask(method, "/v2/jo/secret/\(path)")
                    let nowhere = try await rig.ask(method, "/v2/jo/nothing/\(path)")
                    #expect(there.status == 404 && nowhere.status == 404, "\(method) \(path): \(there.status)")
                    #expect(
                        there.headers.fields.map(\.name) == nowhere.headers.fields.map(\.name), "\(method) \(path)")
                    if method == "GET", path.hasPrefix("blobs") || path.hasSuffix("\(image.digest)") {
                        #expect(
                            try there.json["errors"]?.array?.first?["code"]
                                == nowhere.json["errors"]?.array?.first?["code"], "\(path)")
                    }
                }
            }
            let list = try await rig.get("/v2/_catalog").json["repositories"]?.array
            #expect(list?.isEmpty == true)
        }
    }

    @Test func `is not guessed at by the digest of a blob, whole or in part, hot or not`() async throws {
        try await withMirror {
            configured(&$0)
        } _: { rig in
            let image = try add(rig, "jo/secret", readers: ["jo"])
            let (layer, _) = try await storeLayer(of: image, rig)
            // Hot: read a moment ago by somebody who may.
            _ = try await rig.store.servable(layer.digest)
            for fields in [[], [("Range", "bytes=0-0")], [("If-None-Match", "*")], [("Range", "bytes=0-0,5-6")]] {
                for _ in 0..<2 {
                    let answer = try await rig.get("/v2/jo/secret/blobs/\(layer.digest)", fields)
                    #expect(answer.status == 404, "\(fields)")
                }
            }
        }
    }

    /// What anybody could read a moment ago, and now cannot.
    @Test func `is what a repository becomes that its owner closes`() async throws {
        try await withMirror {
            configured(&$0)
            $0.patience.openness = .milliseconds(1)
        } _: { rig in
            let image = try add(rig, "jo/open", readers: nil)
            let layer = try #require(image.manifests.first?.layers.last)
            // Asked for before any manifest names it, so that the registry is asked for its length.
            #expect(try await rig.get("/v2/jo/open/blobs/\(layer.digest)").status == 200)
            #expect(try await rig.pull("jo/open", "latest", image) == [])
            _ = try await rig.recorded("jo/open")
            // Its base is somebody else's, too.
            let other = try factory.application("other", on: factory.baseShared(.host))
            rig.hub.content.add(other, to: "library/other")
            #expect(try await rig.pull("library/other", "latest", other) == [])
            _ = try await rig.recorded("other")
            rig.hub.content.restrict("jo/open", to: ["jo"])
            // What was granted before that lasts no longer than its token.
            rig.hub.revokeTokens()
            let base = try #require(image.manifests.first?.layers.first)
            #expect(other.manifests.first?.layers.first?.digest == base.digest)
            for path in ["manifests/\(image.digest)", "blobs/\(layer.digest)"] {
                _ = try await eventually("\(path) to be withheld") {
                    try await rig.get("/v2/jo/open/\(path)").status == 404 ? true : nil
                }
            }
            #expect(try await rig.get("/v2/library/other/blobs/\(base.digest)").status == 200)
            #expect(try await rig.pull("library/other", "latest", other) == [])
        }
    }

    @Test func `is not unlocked by what a client shows, and nothing of that goes on`() async throws {
        try await withMirror { rig in
            _ = try add(rig, "jo/secret", readers: ["jo"])
            let shown = [("Authorization", "Basic am86c2VjcmV0")]
            #expect(try await rig.get("/v2/jo/secret/manifests/latest", shown).status == 404)
            #expect(rig.hub.log.count { $0.authorization == "basic" } == 0)
        }
    }
}
