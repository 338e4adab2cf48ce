import OCI
import Registry
import TestSupport
import Testing
import Transport

@Suite struct `A reference` {
    let sample = Sample.manifest()

    @Test func `is resolved by one HEAD that asks for every type in one field`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply() }
        let resolution = try await rig.client.resolve(reference("alpine:3.20"), credential: nil)
        #expect(resolution.descriptor == sample.descriptor)
        #expect(resolution.body == nil && resolution.host == "registry-1.docker.io")
        #expect(rig.asked == ["HEAD https://registry-1.docker.io/v2/library/alpine/manifests/3.20"])
        let accepted = rig.http.requests[0].headers.all("Accept")
        #expect(accepted.count == 1)
        for type in [MediaType.ociManifest, .ociIndex, .dockerManifest, .dockerList] {
            #expect(accepted[0].contains(type.text))
        }
        #expect(!accepted[0].contains(MediaType.schema1.text) && !accepted[0].contains("prettyjws"))
        #expect(rig.http.requests[0].headers.first("Accept-Encoding") == nil)
    }

    static let poor: [(drop: [String], changed: [String: String])] = [
        (["Docker-Content-Digest"], [:]), (["Content-Type"], [:]), ([], ["Content-Length": "none"]),
        ([], ["Content-Type": "application/json"]), ([], ["Content-Type": "text/plain; charset=utf-8"]),
        ([], ["Content-Type": "application/octet-stream"]), ([], ["Docker-Content-Digest": "sha256:xyz"]),
        ([], ["Content-Length": "5000000000"]), ([], ["Content-Type": MediaType.ociConfig.text]),
    ]

    @Test(arguments: poor)
    func `is resolved by GET when the head tells too little`(drop: [String], changed: [String: String]) async throws {
        let rig = Rig { [sample] request, _ in
            var reply = sample.reply(without: drop, changed)
            if request.method == .get { reply.headers.set("Content-Length", "\(sample.bytes.count)") }
            return reply
        }
        let resolution = try await rig.client.resolve(reference("r.example/a:1"), credential: nil)
        #expect(resolution.descriptor == sample.descriptor && resolution.body == sample.bytes)
        #expect(rig.asked.map { $0.prefix(4) } == ["HEAD", "GET "])
    }

    @Test(arguments: [400, 404, 405, 406, 501])
    func `is resolved by GET when HEAD is refused`(status: Int) async throws {
        let rig = Rig { [sample] request, _ in request.method == .head ? .status(status) : sample.reply() }
        let resolution = try await rig.client.resolve(reference("r.example/a:1"), credential: nil)
        #expect(resolution.body == sample.bytes)
    }

    @Test func `that is a digest is fetched at once`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply(without: ["Docker-Content-Digest"]) }
        let digest = sample.descriptor.digest
        let resolution = try await rig.client.resolve(reference("alpine:3@\(digest)"), credential: nil)
        #expect(resolution.descriptor == sample.descriptor && resolution.body == sample.bytes)
        #expect(rig.asked == ["GET https://registry-1.docker.io/v2/library/alpine/manifests/\(digest)"])
    }

    @Test func `that is a digest gets no other content`() async throws {
        let rig = Rig { _, _ in Sample.manifest("b").reply(without: ["Docker-Content-Digest"]) }
        let digest = sample.descriptor.digest
        let error = await #expect(throws: RegistryError.self) {
            _ = try await rig.client.resolve(reference("alpine@\(digest)"), credential: nil)
        }
        #expect(error?.kind == .integrity && error?.description.contains("\(digest)") == true)
    }

    @Test func `is not resolved by a header that lies about the body`() async throws {
        let other = Sample.manifest("b").descriptor.digest
        let rig = Rig { [sample] request, _ in
            request.method == .head ? .status(405) : sample.reply(["Docker-Content-Digest": "\(other)"])
        }
        let error = await #expect(throws: RegistryError.self) {
            _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        }
        #expect(error?.kind == .integrity)
    }

    @Test func `of one algorithm ignores a header of another`() async throws {
        let sha512 = "sha512:" + String(repeating: "ab", count: 64)
        let rig = Rig { [sample] _, _ in sample.reply(["Docker-Content-Digest": sha512]) }
        let digest = sample.descriptor.digest
        let resolution = try await rig.client.resolve(reference("alpine@\(digest)"), credential: nil)
        #expect(resolution.descriptor.digest == digest)
    }

    @Test(arguments: [MediaType.schema1, .schema1Signed])
    func `to schema 1 is refused in words that name the image`(type: MediaType) async throws {
        let rig = Rig { [sample] _, _ in sample.reply(["Content-Type": "\(type); charset=utf-8"]) }
        let error = await #expect(throws: RegistryError.self) {
            _ = try await rig.client.resolve(reference("alpine:old"), credential: nil)
        }
        #expect(error?.reason == .document(.schema1) && error?.description.contains("alpine:old") == true)
        #expect(error?.kind == .unsupported)
    }

    @Test func `to a document without end is given up at the limit`() async throws {
        let rig = Rig { request, _ in
            request.method == .head
                ? .status(405) : ScriptedReply(body: [UInt8](repeating: 0x20, count: (4 << 20) + 1)).withoutLength
        }
        let reason = try await reason { _ = try await rig.client.resolve(reference("r.example/a"), credential: nil) }
        #expect(reason == .mismatch("the document is longer than the 4194304 bytes it may have"))
    }

    @Test func `to something that is no manifest is refused`() async throws {
        let rig = Rig { _, _ in .status(200, [("Content-Type", "text/html")], "<html>log in</html>") }
        let error = await #expect(throws: RegistryError.self) {
            _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        }
        #expect(error?.kind == .integrity && error?.cause is OCIError)
    }
}

@Suite struct `A document` {
    let sample = Sample.manifest()

    @Test func `is asked for where its type is served`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply() }
        let repository = try repository("r.example/a/b")
        let types = [MediaType.ociManifest, .dockerList, .ociConfig, .dockerConfig, MediaType("application/x")]
        for type in types {
            var descriptor = sample.descriptor
            descriptor.mediaType = type
            let bytes = try await rig.client.document(descriptor, in: repository, limit: 1 << 20, credential: nil)
            #expect(bytes == sample.bytes)
        }
        #expect(
            rig.asked.map { $0.split(separator: "/")[5] } == ["manifests", "manifests", "blobs", "blobs", "blobs"])
    }

    enum Fault: CaseIterable {
        case longer, announcedLonger, announcedShorter, other, empty

        func reply(_ bytes: [UInt8]) -> ScriptedReply {
            switch self {
            case .longer: ScriptedReply(body: bytes + [0]).withoutLength
            case .announcedLonger: ScriptedReply(body: bytes + [0])
            case .announcedShorter: ScriptedReply(body: bytes.dropLast())
            case .other: ScriptedReply(body: bytes.dropLast() + [0])
            case .empty: ScriptedReply()
            }
        }
    }

    @Test(arguments: Fault.allCases)
    func `is refused when its bytes are not the descriptor's`(fault: Fault) async throws {
        let rig = Rig { [sample] _, _ in fault.reply(sample.bytes) }
        let error = await #expect(throws: RegistryError.self) {
            _ = try await rig.client.document(
                sample.descriptor, in: repository("r.example/a"), limit: 1 << 20, credential: nil)
        }
        #expect(error?.kind == .integrity)
        #expect(rig.asked.count == 1)
    }

    @Test func `is not asked for when it is longer than it may be`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply() }
        let error = await #expect(throws: RegistryError.self) {
            _ = try await rig.client.document(
                sample.descriptor, in: repository("r.example/a"), limit: 10, credential: nil)
        }
        #expect(error?.kind == .integrity && rig.asked.isEmpty)
    }

    @Test func `that broke off is asked for again`() async throws {
        let rig = Rig { [sample] _, number in number == 0 ? sample.reply().cut(after: 10) : sample.reply() }
        let bytes = try await rig.client.document(
            sample.descriptor, in: repository("r.example/a"), limit: 1 << 20, credential: nil)
        #expect(bytes == sample.bytes)
        #expect(rig.clock.waits == [.seconds(1)])
    }
}
