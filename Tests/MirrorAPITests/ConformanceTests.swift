import Hashing
import OCI
import TestSupport
import Testing

@testable import MirrorAPI

/// The read side of the specification's conformance suite, case by case, over a socket and with curl.
///
/// Source: distribution-spec main, `conformance/run.go`; each test is named after its `Test…` functions.
@Suite struct `The mirror conforms in` {
    private let factory = ImageFactory(seed: 71)

    @Test func `TestPing`() async throws {
        try await conforming { mirror in
            let ping = try await mirror.ask("/v2/")
            #expect(ping.status == 200)
        }
    }

    @Test func `TestBlobAPIs get-missing, TestManifestErrors missing-manifest and invalid-digest-format`() async throws
    {
        try await conforming { mirror in
            let missing = "sha256:" + String(repeating: "3", count: 64)
            for path in ["blobs/\(missing)", "manifests/\(missing)", "manifests/no-such-tag"] {
                for head in [false, true] {
                    let answer = try await mirror.ask("/v2/library/app/\(path)", head: head)
                    #expect(answer.status == 404, "\(path): \(answer.status)")
                    if !head { try expectErrors(answer, path) }
                }
            }
            for path in ["manifests/sha256:baddigeststring", "blobs/sha256:baddigeststring", "referrers/sha256:bad"] {
                let answer = try await mirror.ask("/v2/library/app/\(path)")
                #expect([400, 404].contains(answer.status), "\(path): \(answer.status)")
                try expectErrors(answer, path)
            }
            // A repository that does not exist.
            let nobody = try await mirror.ask("/v2/library/nobody/tags/list")
            #expect(nobody.status == 404)
        }
    }

    @Test func `TestBlobAPIs range requests`() async throws {
        try await conforming { mirror in
            let body = factory.noise("range", bytes: 2048).read(at: 0, count: 2048)
            let path = mirror.add(body)
            let table: [(String, Int, Range<Int>?)] = [
                ("500-1499", 206, 500..<1500), ("500-", 206, 500..<2048), ("-500", 206, 1548..<2048),
                ("2000-5000", 206, 2000..<2048), ("500-0", 416, nil), ("5000-10000", 416, nil),
            ]
            // Cold and hot.
            for (range, status, part) in table + table {
                let answer = try await mirror.ask(path, ["Range: bytes=\(range)"])
                #expect(answer.status == status, "\(range): \(answer.status)")
                guard let part else { continue }
                #expect(answer.body == Array(body[part]), "\(range)")
                #expect(answer.field("Content-Length") == "\(part.count)")
                #expect(
                    answer.field("Content-Range") == "bytes \(part.lowerBound)-\(part.upperBound - 1)/2048", "\(range)")
            }
        }
    }

    @Test func `TestPullBlob and TestHeadBlob, of well-known contents and both algorithms`() async throws {
        try await conforming { mirror in
            for text in ["", "{}", "some content"] {
                for algorithm in Digest.Algorithm.allCases {
                    let path = mirror.add(Array(text.utf8), algorithm)
                    for _ in 0..<2 {
                        try await expectSame(mirror, path, digest: String(path.split(separator: "/").last ?? ""))
                        let whole = try await mirror.ask(path)
                        #expect(whole.status == 200 && whole.body == Array(text.utf8), "\(path)")
                    }
                }
            }
        }
    }

    @Test func `TestPull and TestHead, by tag and digest, of every kind of manifest`() async throws {
        try await conforming { mirror in
            for (name, document, type) in try documents(mirror) {
                let digest = mirror.rig.hub.content.addManifest(
                    document, mediaType: type, to: "library/app", tags: [name])
                for reference in [name, "\(digest)", name] {
                    let path = "/v2/library/app/manifests/\(reference)"
                    let answer = try await mirror.ask(path, ["Accept: \(type)"])
                    #expect(answer.status == 200, "\(name): \(answer.status) \(answer.text)")
                    #expect(answer.body == document, "\(name): other bytes")
                    #expect(answer.field("Content-Type") == type.text, "\(name)")
                    try await expectSame(mirror, path, digest: "\(digest)")
                }
            }
        }
    }

    @Test func `TestList`() async throws {
        try await conforming { mirror in
            let image = try factory.application("a", on: factory.baseShared(.host))
            let tags = ["b", "a", "c", "D", "1.0"]
            mirror.rig.hub.content.add(image, to: "library/listed", tags: tags)
            let sorted = tags.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            for (query, expected) in [
                ("", sorted), ("?last=\(sorted[1])", Array(sorted[2...])), ("?n=2", Array(sorted[..<2])),
                ("?n=2&last=\(sorted[1])", Array(sorted[2..<4])), ("?n=0", []), ("?n=100", sorted),
            ] {
                let answer = try await mirror.ask("/v2/library/listed/tags/list\(query)")
                #expect(answer.status == 200 && answer.field("Content-Type") == "application/json")
                let json = try JSON(parsing: answer.body)
                #expect(json["tags"]?.array?.compactMap(\.string) == expected, "\(query)")
                #expect(json["name"]?.string == "library/listed")
            }
        }
    }

    @Test func `TestEmptyReferrers and TestReferrers`() async throws {
        try await conforming { mirror in
            let subject = Digest.sha256(of: [1])
            let path = "/v2/library/app/referrers/\(subject)"
            let none = try await mirror.ask(path)
            #expect(none.status == 200 && none.field("Content-Type") == MediaType.ociIndex.text)
            #expect(try JSON(parsing: none.body)["manifests"]?.array?.isEmpty == true)
            let entry = { (byte: UInt8, type: String) in
                """
                {"mediaType":"\(MediaType.ociManifest)","digest":"\(Digest.sha256(of: [byte]))","size":\(byte),
                 "artifactType":"\(type)","annotations":{"org.example":"\(byte)"}}
                """
            }
            mirror.rig.hub.misbehave(
                on: RequestMatcher(.referrers), .always,
                .status(
                    200, headers: [("Content-Type", MediaType.ociIndex.text)],
                    body: """
                        {"schemaVersion":2,"mediaType":"\(MediaType.ociIndex)",
                         "manifests":[\(entry(2, "a/b")),\(entry(3, "c/d"))]}
                        """))
            let other = "/v2/library/app/referrers/\(Digest.sha256(of: [7]))"
            let all = try JSON(parsing: try await mirror.ask(other).body)["manifests"]?.array ?? []
            #expect(all.compactMap { $0["artifactType"]?.string } == ["a/b", "c/d"])
            #expect(all.first?["annotations"]?["org.example"]?.string == "2" && all.first?["size"]?.integer == 2)
            let filtered = try await mirror.ask("\(other)?artifactType=c/d")
            #expect(filtered.field("OCI-Filters-Applied") == "artifactType")
            let some = try JSON(parsing: filtered.body)["manifests"]?.array ?? []
            #expect(some.compactMap { $0["digest"]?.string } == ["\(Digest.sha256(of: [3]))"])
        }
    }

    // MARK: what they share

    private func conforming(_ body: @Sendable (Conforming) async throws -> Void) async throws {
        try await withMirror { rig in
            rig.hub.content.add(try factory.application("b", on: factory.baseShared(.host)), to: "library/app")
            try await rig.serving { port in try await body(Conforming(rig: rig, port: port)) }
        }
    }

    /// Documents as the suite makes them: an image, an index, one of indexes, an artifact, with and without `subject`.
    private func documents(_ mirror: Conforming) throws -> [(String, [UInt8], MediaType)] {
        let config = Array("{}".utf8)
        let digest = Digest.sha256(of: config)
        mirror.rig.hub.content.add(BytesSource(config), digest: digest, to: "library/app")
        let blob = { (type: String) in "{\"mediaType\":\"\(type)\",\"digest\":\"\(digest)\",\"size\":2}" }
        let empty = blob("application/vnd.oci.empty.v1+json")
        let head = { (type: MediaType) in "{\"schemaVersion\":2,\"mediaType\":\"\(type)\"" }
        let image = "\(head(.ociManifest)),\"config\":\(blob(MediaType.ociConfig.text)),\"layers\":[\(empty)]}"
        let child = { (text: String, type: MediaType) in
            let bytes = Array(text.utf8)
            return """
                {"mediaType":"\(type)","digest":"\(Digest.sha256(of: bytes))","size":\(bytes.count)}
                """
        }
        let index = "\(head(.ociIndex)),\"manifests\":[\(child(image, .ociManifest))]}"
        let nested = "\(head(.ociIndex)),\"manifests\":[\(child(index, .ociIndex))]}"
        let artifact = """
            \(head(.ociManifest)),"artifactType":"application/x.test","config":\(empty),"layers":[\(empty)],
            "subject":\(child(image, .ociManifest)),"annotations":{"org.example":"x"}}
            """
        let texts: [(String, String, MediaType)] = [
            ("image", image, .ociManifest), ("index", index, .ociIndex), ("nested", nested, .ociIndex),
            ("artifact", artifact, .ociManifest), ("empty-index", "\(head(.ociIndex)),\"manifests\":[]}", .ociIndex),
        ]
        return texts.map { ($0.0, Array($0.1.utf8), $0.2) }
    }

    private func expectErrors(_ answer: Conforming.Answer, _ what: String) throws {
        let errors = try JSON(parsing: answer.body)["errors"]?.array ?? []
        #expect(errors.count == 1 && errors.first?["code"]?.string?.isEmpty == false, "\(what): \(answer.text)")
    }

    /// HEAD says what GET says, and both say the digest.
    private func expectSame(_ mirror: Conforming, _ path: String, digest: String) async throws {
        let get = try await mirror.ask(path)
        let head = try await mirror.ask(path, head: true)
        #expect(head.status == 200 && head.body.isEmpty, "\(path)")
        for name in ["Content-Type", "Content-Length", "Docker-Content-Digest"] {
            #expect(head.field(name) == get.field(name) && get.field(name) != nil, "\(path): \(name)")
        }
        #expect(get.field("Docker-Content-Digest") == digest)
        #expect(get.field("Content-Length") == "\(get.body.count)")
    }
}

/// A mirror at a port, asked with curl.
private struct Conforming: Sendable {
    let rig: MirrorRig
    let port: Int

    struct Answer {
        var status: Int
        var fields: [String]
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }

        func field(_ name: String) -> String? {
            fields.last { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
                .map { String($0.dropFirst(name.count + 2)) }
        }
    }

    /// Gives the registry a blob; returns its path here.
    func add(_ bytes: [UInt8], _ algorithm: Digest.Algorithm = .sha256) -> String {
        var digester = Digester(algorithm)
        digester.update(bytes)
        let digest = digester.finalize()
        rig.hub.content.add(BytesSource(bytes), digest: digest, to: "library/app")
        return "/v2/library/app/blobs/\(digest)"
    }

    func ask(_ path: String, _ fields: [String] = [], head: Bool = false) async throws -> Answer {
        let options = fields.flatMap { ["-H", $0] } + (head ? ["-I"] : [])
        let result = try await runProcess(
            "curl", ["-sS", "-g", "-D", "/dev/stderr"] + options + ["http://127.0.0.1:\(port)\(path)"])
        #expect(result.status == 0, "\(path): \(result.errors)")
        let lines = result.errors.split(whereSeparator: \.isNewline).map(String.init)
        let status = lines.first { $0.hasPrefix("HTTP/") }.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        return Answer(status: status, fields: lines, body: head ? [] : result.stdout)
    }
}
