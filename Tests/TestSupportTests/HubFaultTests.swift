import OCI
import TestSupport
import Testing

/// What a client of ``faulty(_:_:)`` sees of 10,000 bytes.
private struct Seen {
    var answer: CurlAnswer
    var truth: [UInt8]
    var isTruth: Bool { answer.body == truth }
    var isPrefix: Bool { truth.starts(with: answer.body) }
}

/// Asks for a blob of 10,000 bytes at its signed URL while the stand-in misbehaves.
private func faulty(
    _ how: Misbehaviour, _ arguments: [String] = [], tls: Bool = false
) async throws -> Seen {
    var options = HubOptions()
    options.tls = tls
    options.authentication = .open
    let hub = try await HubStandIn.start(options)
    let blob = GeneratedSource(seed: 3, size: 10_000)
    let digest = try Digest(parsing: "sha256:" + String(repeating: "3", count: 64))
    hub.content.add(blob, digest: digest, to: "layerd/faulty")
    hub.misbehave(on: .cdn(digest), .always, how)
    let answer = try await hub.curl(hub.blobURL(digest, of: "layerd/faulty"), ["-L"] + arguments)
    await hub.stop()
    return Seen(answer: answer, truth: blob.read(at: 0, count: 10_000))
}

@Suite struct `A scripted fault` {
    @Test(arguments: [false, true])
    func `cuts a body with FIN at a byte`(tls: Bool) async throws {
        let seen = try await faulty(.cut(after: 4_000), tls: tls)
        #expect(seen.answer.exit == 18)
        #expect(seen.answer.body.count == 4_000)
        #expect(seen.isPrefix)
    }

    @Test(arguments: [false, true])
    func `cuts a body with RST at a byte`(tls: Bool) async throws {
        let seen = try await faulty(.cut(after: 4_000, .reset), tls: tls)
        #expect(seen.answer.exit == 56)
        #expect(seen.answer.body.count == 4_000)
        #expect(seen.isPrefix)
    }

    @Test func `cuts TLS without a farewell`() async throws {
        let seen = try await faulty(.cut(after: 4_000, .bareFIN), tls: true)
        // Which of the two depends on how curl's TLS library takes it.
        #expect([18, 56].contains(seen.answer.exit))
        #expect(seen.isPrefix)
    }

    @Test func `drips`() async throws {
        let before = ContinuousClock.now
        let seen = try await faulty(.drip(bytes: 2_000, every: .milliseconds(20)))
        #expect(seen.isTruth)
        #expect(ContinuousClock.now - before >= .milliseconds(80))
    }

    @Test func `delays`() async throws {
        let before = ContinuousClock.now
        #expect(try await faulty(.delay(.milliseconds(100))).isTruth)
        #expect(ContinuousClock.now - before >= .milliseconds(100))
    }

    @Test func `flips a byte at a place of the blob, in a range too`() async throws {
        let seen = try await faulty(.flipByte(at: 5_000), ["-H", "Range: bytes=4000-5999"])
        let wrong = zip(seen.answer.body, seen.truth[4000..<6000]).enumerated().filter { $0.element.0 != $0.element.1 }
        #expect(wrong.map(\.offset) == [1_000])
    }

    @Test func `claims more bytes than come`() async throws {
        let seen = try await faulty(.claimLength(by: 5))
        #expect(seen.answer.exit == 18)
        #expect(seen.answer.header("Content-Length") == "10005")
        #expect(seen.isTruth)
    }

    @Test func `claims fewer bytes than come`() async throws {
        let seen = try await faulty(.claimLength(by: -5))
        #expect(seen.answer.header("Content-Length") == "9995")
        #expect(seen.answer.body.count == 9_995)
    }

    @Test(arguments: [10, -10])
    func `sends a body of another length`(difference: Int) async throws {
        let seen = try await faulty(.resize(by: Int64(difference)))
        #expect(seen.answer.exit == 0)
        #expect(seen.answer.body.count == 10_000 + difference)
        #expect(seen.answer.body.prefix(9_990) == seen.truth.prefix(9_990))
    }

    @Test func `ignores ranges`() async throws {
        let seen = try await faulty(.ignoreRange, ["-H", "Range: bytes=100-199"])
        #expect(seen.answer.status == 200)
        #expect(seen.isTruth)
    }

    @Test(arguments: [true, false])
    func `shifts a range and admits it or not`(isAdmitted: Bool) async throws {
        let seen = try await faulty(.shiftRange(by: 10, admitted: isAdmitted), ["-H", "Range: bytes=100-199"])
        #expect(seen.answer.status == 206)
        #expect(seen.answer.body == Array(seen.truth[110..<(isAdmitted ? 200 : 210)]))
        let range = isAdmitted ? "bytes 110-199/10000" : "bytes 100-199/10000"
        #expect(seen.answer.header("Content-Range") == range)
    }

    @Test func `replaces the answer by a status`() async throws {
        let seen = try await faulty(.status(503, headers: [("Retry-After", "2")], body: "sorry"))
        #expect(seen.answer.status == 503)
        #expect(seen.answer.header("Retry-After") == "2")
        #expect(seen.answer.text == "sorry")
    }

    @Test func `redirects elsewhere`() async throws {
        let seen = try await faulty(.redirect(to: "ftp://127.0.0.1/x"), ["--proto-redir", "=http"])
        #expect(seen.answer.exit == 1)
        #expect(seen.answer.header("Location") == "ftp://127.0.0.1/x")
    }

    @Test(arguments: [(ConnectionEnd.fin, Int32(52)), (.reset, 56)])
    func `gives no answer at all`(end: ConnectionEnd, exit: Int32) async throws {
        #expect(try await faulty(.silence(end)).answer.exit == exit)
    }

    @Test func `appends an error's text to a truncated blob`() async throws {
        let seen = try await faulty(.garbage(after: 100, "{\"errors\":[]}"))
        #expect(seen.answer.exit == 18)
        #expect(seen.answer.body == seen.truth[..<100] + Array("{\"errors\":[]}".utf8))
    }

    @Test func `sends chunks without a length, whole or cut`() async throws {
        let seen = try await faulty(.chunked)
        #expect(seen.answer.header("Content-Length") == nil)
        #expect(seen.answer.header("Transfer-Encoding") == "chunked")
        #expect(seen.isTruth)
    }

    @Test func `encodes the content with gzip`() async throws {
        let seen = try await faulty(.gzipEncoded)
        #expect(seen.answer.header("Content-Encoding") == "gzip")
        #expect(try Compression.gunzip(seen.answer.body) == seen.truth)
    }

    @Test func `gives a header twice`() async throws {
        let seen = try await faulty(.addHeader("Content-Length", "1"), ["--head"])
        #expect(Set(seen.answer.headers.filter { $0.name == "content-length" }.map(\.value)) == ["1", "10000"])
    }

    @Test func `replaces a header`() async throws {
        let seen = try await faulty(.header("Content-Length", "10007"), ["--head"])
        #expect(seen.answer.headers.filter { $0.name == "content-length" }.map(\.value) == ["10007"])
    }
}

@Suite struct `A rule of misbehaviour` {
    @Test func `stalls a body until the connection ends`() async throws {
        let (hub, image) = try await hubWithImage { $0.authentication = .open }
        let layer = image.blobs[1]
        hub.misbehave(on: .cdn(layer.digest), .always, .stall(after: 4_000))
        async let answer = hub.curl(hub.blobURL(layer.digest, of: "layerd/one"), ["-L"])
        try await hub.log.wait { $0.records.contains { $0.kind == .cdn && $0.bytesSent == 4_000 } }
        #expect(!(try #require(hub.log.records.last).isFinished))
        await hub.stop()
        #expect(try await answer.exit == 18)
        #expect(try await answer.body == layer.source.read(at: 0, count: 4_000))
        #expect(hub.log.all.openConnections == 0)
    }

    @Test func `notices that a client left a stalled body`() async throws {
        let (hub, image) = try await hubWithImage { $0.authentication = .open }
        hub.misbehave(on: .cdn(), .always, .stall(after: 0))
        let url = hub.blobURL(image.blobs[1].digest, of: "layerd/one")
        let leaving = Task { try await hub.curl(url, ["-L"]) }
        try await hub.log.wait { $0.records.contains { $0.kind == .cdn && $0.status == 200 } }
        leaving.cancel()
        try await hub.log.wait { $0.records.allSatisfy(\.isFinished) && $0.openConnections == 0 }
        await hub.stop()
    }

    @Test func `holds a body until the gate is opened`() async throws {
        let (hub, image) = try await hubWithImage { $0.authentication = .open }
        let gate = Gate()
        let layer = image.blobs[1]
        hub.misbehave(on: .cdn(layer.digest), .always, .hold(gate, after: 100))
        async let answer = hub.curl(hub.blobURL(layer.digest, of: "layerd/one"), ["-L"])
        try await hub.log.wait { $0.records.contains { $0.kind == .cdn && $0.bytesSent == 100 } }
        #expect(!(try #require(hub.log.records.last).isFinished))
        gate.open()
        #expect(try await answer.body == (try layer.source.readAll()))
        await hub.stop()
    }

    @Test(arguments: [
        (Occurrence.first, [503, 200, 200]), (.nth(2), [200, 503, 200]), (.times(2), [503, 503, 200]),
        (.after(1), [200, 503, 503]),
    ])
    func `applies to the requests it names`(occurrence: Occurrence, expected: [Int]) async throws {
        let (hub, _) = try await hubWithImage { $0.authentication = .open }
        hub.misbehave(on: .manifest("latest"), occurrence, .status(503))
        var seen: [Int] = []
        for _ in expected { seen.append(try await hub.curl(hub.manifestURL("latest", of: "layerd/one")).status) }
        #expect(seen == expected)
        await hub.stop()
    }

    @Test func `changes documents`() async throws {
        let (hub, image) = try await hubWithImage { $0.authentication = .open }
        let url = hub.manifestURL("latest", of: "layerd/one")
        let wrong = "sha256:" + String(repeating: "f", count: 64)
        hub.misbehave(on: .manifest(), .first, .digestHeader(wrong), .oversize(to: 5 << 20))
        let huge = try await hub.curl(url)
        #expect(huge.header("Docker-Content-Digest") == wrong)
        #expect(huge.body.count == 5 << 20)
        #expect(huge.json?["schemaVersion"]?.integer == 2)
        hub.behave()
        hub.misbehave(on: .manifest(), .first, .resize(by: -20), .digestHeader(nil))
        let truncated = try await hub.curl(url)
        #expect(truncated.json == nil)
        #expect(truncated.header("Docker-Content-Digest") == nil)
        #expect(truncated.header("Content-Length") == "\(image.target.size - 20)")
        await hub.stop()
    }

    @Test func `makes the token server fail`() async throws {
        let (hub, _) = try await hubWithImage()
        hub.misbehave(on: .token, .first, .tokenFailure)
        #expect(try await hub.curl("\(hub.realm)?service=registry.docker.io").status == 503)
        #expect(try await hub.curl("\(hub.realm)?service=registry.docker.io").status == 200)
        await hub.stop()
    }
}

@Suite struct `A far stand-in` {
    @Test func `answers late and sends slowly`() async throws {
        var options = HubOptions.plainLoopback
        options.authentication = .open
        options.latency = .milliseconds(30)
        options.bytesPerSecond = 100_000
        let hub = try await HubStandIn.start(options)
        let digest = try Digest(parsing: "sha256:" + String(repeating: "3", count: 64))
        hub.content.add(GeneratedSource(seed: 1, size: 30_000), digest: digest, to: "layerd/far")
        let before = ContinuousClock.now
        let answer = try await hub.curl(hub.blobURL(digest, of: "layerd/far"), ["-L"])
        #expect(answer.body.count == 30_000)
        // Two answers, and all but the last piece of 5,000 bytes.
        #expect(ContinuousClock.now - before >= .milliseconds(60 + 240))
        await hub.stop()
    }
}
