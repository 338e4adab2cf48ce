import Catalogue
import Hashing
import OCI
import Pulling
import Serving
import Storage
import TestSupport
import Testing

@testable import MirrorAPI

@Suite struct `A read through the mirror` {
    private let factory = ImageFactory(seed: 31)

    /// Two images of one layer each, of about a megabyte, pulled one after the other.
    private func two(_ rig: MirrorRig) async throws -> (first: GeneratedImage, second: GeneratedImage) {
        var images: [GeneratedImage] = []
        for name in ["first", "second"] {
            let image = try ImageFactory(seed: name == "first" ? 41 : 42).big([1_000_000], platform: .host)
            rig.hub.content.add(image, to: "library/\(name)")
            #expect(try await rig.pull("library/\(name)", "latest", image) == [])
            _ = try await rig.recorded(name)
            images.append(image)
        }
        return (images[0], images[1])
    }

    /// The answer to a request for an image's layer, with its body not yet sent.
    private func begun(
        _ rig: MirrorRig, _ name: String, _ image: GeneratedImage, range: String? = nil
    ) async throws -> ServerResponse {
        let layer = try #require(image.manifests.first?.layers.first)
        var fields = [("Host", "127.0.0.1:5050")]
        if let range { fields.append(("Range", "bytes=\(range)")) }
        let target = "/v2/library/\(name)/blobs/\(layer.digest)"
        let request = try #require(ServerRequest("GET", target, headers: ServerHeaders(fields)))
        if let response = rig.routes.respondAtOnce(to: request) { return response }
        return await rig.routes.respond(to: request)
    }

    private func holders(_ rig: MirrorRig, _ name: String) async throws -> Int? {
        try await rig.catalogue.image(named: try Reference(parsing: name))?.holders
    }

    @Test(arguments: [nil, "5-", "0-9,20-29"])
    func `makes its image one in use, until it is over`(range: String?) async throws {
        try await withMirror { rig in
            let (first, _) = try await two(rig)
            #expect(try await holders(rig, "first") == 0)
            var responses = [try await begun(rig, "first", first, range: range)]
            responses.append(try await begun(rig, "first", first, range: range))
            #expect(responses.map(\.status) == [range == nil ? 200 : 206, range == nil ? 200 : 206])
            #expect(try await holders(rig, "first") == 2)
            #expect(try await holders(rig, "second") == 0)
            responses.removeAll()
            #expect(try await holders(rig, "first") == 0)
        }
    }

    @Test func `counts as a use of its image`() async throws {
        try await withMirror { rig in
            let (first, _) = try await two(rig)
            try await rig.catalogue.enterUses()
            let before = try #require(try await rig.catalogue.image(named: try Reference(parsing: "first")))
            rig.advance(by: .seconds(60))
            for _ in 0..<5 {
                let answer = try await rig.get("/v2/library/first/manifests/\(first.digest)")
                #expect(answer.status == 200)
            }
            try await rig.catalogue.enterUses()
            let after = try #require(try await rig.catalogue.image(named: try Reference(parsing: "first")))
            #expect(after.uses == before.uses + 5)
            #expect(after.lastUsed.seconds == before.lastUsed.seconds + 60)
        }
    }

    @Test func `keeps its image from being evicted, and no longer than it lasts`() async throws {
        try await withMirror {
            $0.quota = 2_500_000
        } _: { rig in
            let (first, _) = try await two(rig)
            let wanted = Descriptor(
                mediaType: .ociLayer, digest: Digest.sha256(of: [9]), size: 1_500_000)
            do {
                let reading = try await begun(rig, "first", first)
                await #expect(throws: SpaceError.self) { _ = try await rig.keeper.admit([wanted]) }
                #expect(reading.status == 200)
            }
            let admission = try await rig.keeper.admit([wanted])
            #expect(try await holders(rig, "first") == nil, "the image is still there")
            admission.end()
        }
    }

    @Test func `of an image that is removed meanwhile comes to its end`() async throws {
        try await withMirror { rig in
            let (first, _) = try await two(rig)
            let layer = try #require(first.manifests.first?.layers.first)
            let response = try await begun(rig, "first", first)
            guard case .file(let descriptor, _, let length, let owner) = response.body else {
                Issue.record("no file")
                return
            }
            try await rig.store.remove(layer.digest)
            let part = try await Sink.read(descriptor, length, owner)
            #expect(layer.digest.matches(part))
            // Who asks now gets it anew.
            let again = try await rig.get("/v2/library/first/blobs/\(layer.digest)")
            #expect(again.status == 200 && layer.digest.matches(again.body))
            #expect(again.header("X-Layerd-Source") == "tail")
        }
    }
}

@Suite struct `A fill through the mirror` {
    private func big(_ name: String, _ rig: MirrorRig, _ size: Int, seed: UInt64) throws -> GeneratedImage {
        let image = try ImageFactory(seed: seed).big([size], platform: .host)
        rig.hub.content.add(image, to: "library/\(name)")
        return image
    }

    @Test func `that has no place is refused before its manifest, and costs nobody an image`() async throws {
        try await withMirror {
            $0.quota = 2_500_000
        } _: { rig in
            let small = try big("small", rig, 1_000_000, seed: 51)
            #expect(try await rig.pull("library/small", "latest", small) == [])
            _ = try await rig.recorded("small")
            let large = try big("large", rig, 4_000_000, seed: 52)
            let before = rig.blobRequests
            let manifest = try await rig.get("/v2/library/large/manifests/latest")
            #expect(manifest.status == 503, "\(manifest.text)")
            let layer = try #require(large.manifests.first?.layers.first)
            let blob = try await rig.get("/v2/library/large/blobs/\(layer.digest)")
            #expect(blob.status == 503 && blob.failure == nil, "\(blob.status) \(blob.text.prefix(200))")
            #expect(rig.blobRequests <= before + 3, "more was asked for than its length")
            #expect(try await rig.catalogue.image(named: try Reference(parsing: "small")) != nil)
            #expect(try await rig.pull("library/small", "latest", small) == [])
        }
    }

    @Test func `makes room first, and the store is never beyond its limit`() async throws {
        try await withMirror {
            $0.quota = 3_500_000
        } _: { rig in
            for number in 0..<6 {
                rig.advance(by: .seconds(3600))
                let image = try big("app\(number)", rig, 1_000_000, seed: UInt64(60 + number))
                #expect(try await rig.pull("library/app\(number)", "latest", image) == [])
                _ = try await rig.recorded("app\(number)")
                let used = try await rig.store.blobs().reduce(Int64(0)) { $0 + $1.size }
                let coming = try await rig.store.ingests().reduce(Int64(0)) { $0 + $1.total }
                #expect(used + coming <= 3_500_000, "\(used) + \(coming) after \(number)")
            }
            let names = try await rig.catalogue.images().flatMap(\.tags).map(\.familiar)
            #expect(names.contains("app5:latest") && !names.contains("app0:latest"), "\(names)")
        }
    }
}

extension Sink {
    /// The bytes of a file that an answer holds.
    static func read(_ descriptor: Int32, _ length: Int64, _ owner: any Sendable) async throws -> [UInt8] {
        let sink = Sink()
        try await sink.write(file: descriptor, offset: 0, length: length, owner: owner)
        return sink.bytes
    }
}
