import OCI
import Registry
import TestSupport
import Testing
import Transport

/// A client as the daemon has it, over real connections to a stand-in that misbehaves.
private struct Wire {
    let hub: HubStandIn
    let client: RegistryClient
    let clock = StoppedClock()
    private let http: CurlClient

    init(_ change: (inout ConnectionOptions) -> Void = { _ in }) async throws {
        hub = try await HubStandIn.start(.plainLoopback)
        var options = ConnectionOptions()
        options.proxy = ""
        change(&options)
        http = CurlClient(userAgent: "layerd-test/1")
        client = RegistryClient(
            http: http, hosts: [RegistryHost(name: "r.example", endpoint: hub.endpoint, options: options)],
            anyRegistry: false, retry: RetryPolicy(attempts: 4, random: { 1 }), clock: clock, now: { noon })
    }

    func add(_ sample: Sample) {
        hub.content.add(BytesSource(sample.bytes), digest: sample.descriptor.digest, to: "a")
    }

    func fetch(_ sample: Sample, into receiver: Gathering) async throws {
        try await client.blob(sample.descriptor, in: repository("r.example/a"), credential: nil, into: receiver)
    }

    func stop() async {
        await http.shutdown()
        await hub.stop()
    }
}

private struct Trouble: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let how: Misbehaviour

    init(_ name: String, _ how: Misbehaviour) {
        testDescription = name
        self.how = how
    }

    init(_ name: String, _ text: String) { self.init(name, .raw(RawAnswer(text))) }
}

private let ok = "HTTP/1.1 200 OK\r\n"
private let sample = Sample.blob(1 << 20)
private let half = String(repeating: "x", count: 10)

private func truncated(_ head: String, _ count: Int, after: String = "") -> Misbehaviour {
    .raw(RawAnswer(Array(head.utf8) + sample.bytes[..<count] + Array(after.utf8)))
}

private let passing: [Trouble] = [
    Trouble("no answer, FIN", .silence(.fin)), Trouble("no answer, RST", .silence(.reset)),
    Trouble("cut by FIN", .cut(after: 70_000)), Trouble("cut by RST", .cut(after: 70_000, .reset)),
    Trouble("cut without a length", truncated("HTTP/1.0 200 OK\r\n\r\n", 70_000)),
    Trouble("cut in a chunk", truncated(ok + "Transfer-Encoding: chunked\r\n\r\n20000\r\n", 70_000)),
    Trouble(
        "a bad chunk's size", truncated(ok + "Transfer-Encoding: chunked\r\n\r\n10000\r\n", 65_536, after: "\r\nzz\r\n")
    ),
    Trouble("two lengths", ok + "Content-Length: 1048576\r\nContent-Length: 7\r\n\r\n"),
    Trouble("a negative length", ok + "Content-Length: -1\r\n\r\n" + half),
    Trouble("a length of 10^23", ok + "Content-Length: 100000000000000000000000\r\n\r\n" + half),
    Trouble("length and chunks", ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    Trouble("not HTTP", "SSH-2.0-x\r\n"), Trouble("HTTP/0.9", "<html>"),
    Trouble("a bomb of headers", .raw(RawAnswer(ok, flood: "X: yyyyyyyyyyyyyyyyyyyyyy\r\n", times: 200_000))),
    Trouble("a header of 2 MB", .raw(RawAnswer(ok + "X: ", flood: String(repeating: "y", count: 65_536), times: 32))),
    Trouble("a flood of 1xx", .raw(RawAnswer("", flood: "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", times: 100_000))),
    Trouble("gzip", .gzipEncoded), Trouble("500", .status(500)), Trouble("503", .status(503)),
    Trouble("an expired place", .status(403, body: "<Error><Code>AccessDenied</Code></Error>")),
    Trouble("a part of several", .multipart), Trouble("another part", .shiftRange(by: 7)),
    Trouble("no part", .ignoreRange), Trouble("416", .status(416, headers: [("Content-Range", "bytes */9")])),
]

@Suite struct `A hostile registry` {
    /// The first 100 bytes are held, so that ranges are asked for.
    @Test(.timeLimit(.minutes(1)), arguments: passing)
    private func `is got over once it answers as it should, and the blob is whole`(trouble: Trouble) async throws {
        let wire = try await Wire()
        wire.add(sample)
        wire.hub.misbehave(on: .cdn(), .first, trouble.how)
        let receiver = Gathering(Array(sample.bytes[..<100]))
        try await wire.fetch(sample, into: receiver)
        #expect(receiver.bytes == sample.bytes)
        #expect(receiver.restarts <= 1)
        await wire.stop()
    }

    @Test(.timeLimit(.minutes(1)), arguments: [ConnectionEnd.fin, .reset])
    func `that ends the connection at every 64 KiB costs no byte twice`(end: ConnectionEnd) async throws {
        let wire = try await Wire()
        wire.add(sample)
        wire.hub.misbehave(on: .cdn(), .always, .cut(after: 65_536, end))
        let receiver = Gathering()
        try await wire.fetch(sample, into: receiver)
        #expect(receiver.bytes == sample.bytes && receiver.restarts == 0)
        #expect(wire.hub.log.bytesSent(.cdn) == Int64(sample.bytes.count))
        #expect(wire.hub.log.count(where: { $0.kind == .cdn }) == 16)
        await wire.stop()
    }

    @Test(.timeLimit(.minutes(1))) func `that never ends a body is left at the blob's last byte`() async throws {
        let wire = try await Wire()
        wire.add(sample)
        let piece = String(repeating: "z", count: 65_536)
        let endless = RawAnswer(
            ok + "Transfer-Encoding: chunked\r\n\r\n", flood: "10000\r\n\(piece)\r\n", times: 4_000)
        wire.hub.misbehave(on: .cdn(), .always, .raw(endless))
        let receiver = Gathering(capacity: sample.bytes.count)
        let error = await #expect(throws: RegistryError.self) { try await wire.fetch(sample, into: receiver) }
        #expect(error?.kind == .integrity && receiver.offset == 0)
        await wire.stop()
        #expect(wire.hub.log.bytesSent(.cdn) < 40 << 20, "what the kernel's buffers hold, and no more")
    }

    @Test(.timeLimit(.minutes(1)), arguments: [true, false])
    func `that drips or stalls is left, goes on elsewhere meanwhile, and from there later`(
        inHead: Bool
    ) async throws {
        let wire = try await Wire {
            // Long enough for the other fetch on a loaded machine.
            $0.lowSpeedTime = .seconds(3)
            $0.lowSpeedBytesPerSecond = 4096
        }
        let other = Sample.blob(300_000)
        wire.add(sample)
        wire.add(other)
        var slow = RawAnswer(ok + "X: " + String(repeating: "y", count: 4000))
        slow.drip = (1, .milliseconds(20))
        wire.hub.misbehave(
            on: .cdn(sample.descriptor.digest), .first, inHead ? .raw(slow) : .stall(after: 70_000))
        let stalled = Gathering()
        async let first: Void = wire.fetch(sample, into: stalled)
        let beside = Gathering()
        try await wire.hub.log.wait(for: "the slow transfer") { $0.records.contains { $0.kind == .cdn } }
        try await wire.fetch(other, into: beside)
        #expect(beside.bytes == other.bytes && stalled.retries.isEmpty, "it waited for the slow one")
        try await first
        #expect(stalled.bytes == sample.bytes && stalled.retries.count == 1 && stalled.restarts == 0)
        let ranges = wire.hub.log.records.filter { $0.reference == "\(sample.descriptor.digest)" && $0.kind == .cdn }
        #expect(ranges.map(\.range) == [nil, inHead ? nil : "bytes=70000-"])
        await wire.stop()
    }

    @Test func `whose tag moves between two questions gives what it said first`() async throws {
        let wire = try await Wire()
        let (old, new) = (Sample.manifest("old"), Sample.manifest("new"))
        for document in [old, new] {
            wire.hub.content.addManifest(document.bytes, mediaType: document.type, to: "a", tags: ["1"])
        }
        wire.hub.content.setTag("1", of: "a", to: old.descriptor.digest)
        let resolution = try await wire.client.resolve(reference("r.example/a:1"), credential: nil)
        wire.hub.content.setTag("1", of: "a", to: new.descriptor.digest)
        let bytes = try await wire.client.document(
            resolution.descriptor, in: repository("r.example/a"), limit: 1 << 20, credential: nil)
        #expect(bytes == old.bytes)
        wire.hub.content.remove(old.descriptor.digest)
        let error = await #expect(throws: RegistryError.self) {
            try await wire.client.document(
                resolution.descriptor, in: repository("r.example/a"), limit: 1 << 20, credential: nil)
        }
        #expect(error?.kind == .notFound, "nothing else is taken in its place")
        await wire.stop()
    }

    @Test(arguments: [
        "http://169.254.169.254/latest/meta-data", "http://0xa9fea9fe/", "http://[::ffff:169.254.169.254]/",
        "http://[fe80::1]/", "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "dict://127.0.0.1/",
        "http://user:pw@127.0.0.1/", "//", "http:", "/loop",
    ])
    func `sends nobody where a redirect may not lead`(place: String) async throws {
        let wire = try await Wire()
        wire.add(sample)
        let location = place == "/loop" ? wire.hub.endpoint + "/v2/a/blobs/\(sample.descriptor.digest)" : place
        wire.hub.misbehave(on: .blob(), .always, .redirect(to: location))
        let error = await #expect(throws: RegistryError.self) { try await wire.fetch(sample, into: Gathering()) }
        #expect(error?.kind == .forbidden, "\(error as Any)")
        #expect(wire.hub.log.count(where: { $0.kind == .cdn }) == 0)
        await wire.stop()
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `may redirect in every way there is, and relatively`(status: Int) async throws {
        let wire = try await Wire()
        wire.add(sample)
        wire.hub.misbehave(
            on: .blob(), .first, .redirect(to: "/v2/a/blobs/\(sample.descriptor.digest)", status: status))
        let receiver = Gathering()
        try await wire.fetch(sample, into: receiver)
        #expect(receiver.bytes == sample.bytes)
        #expect(wire.hub.log.records.filter { $0.kind == .cdn }.allSatisfy { !$0.hadAuthorization })
        await wire.stop()
    }
}

/// What leads inside is known by the addresses that names lead to, not by their spelling.
@Suite struct `A name that leads inside` {
    @Test func `is not connected to for a registry that is outside`() async throws {
        let sample = Sample.blob(1000)
        let rig = Rig { request, _ in
            if request.url.hasPrefix("https://auth") { return .token("{\"token\":\"t\"}") }
            if request.url.hasPrefix("https://cdn") { return sample.reply() }
            return request.headers.first("Authorization") == nil
                ? .challenge(plainChallenge) : .status(307, [("Location", "https://cdn.example/b")])
        }
        try await rig.client.blob(
            sample.descriptor, in: repository("r.example/a"), credential: nil, into: Gathering())
        #expect(rig.requests(to: "https://r.example/").allSatisfy { $0.options.allowInside })
        #expect(rig.requests(to: "https://cdn").map(\.options.allowInside) == [false])
        #expect(rig.requests(to: "https://auth").map(\.options.allowInside) == [false])
    }

    @Test func `may be, where the configuration names it`() async throws {
        let host = RegistryHost(name: "r.example", tokenRealms: ["https://auth.r.example"])
        let rig = Rig(hosts: [host]) { request, _ in
            if request.url.hasPrefix("https://auth") { return .token("{\"token\":\"t\"}") }
            return request.headers.first("Authorization") == nil
                ? .challenge(plainChallenge) : Sample.manifest().reply()
        }
        _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        #expect(rig.requests(to: "https://auth").map(\.options.allowInside) == [true])
    }

    @Test func `may be, for a registry that is itself inside, by whatever name`() async throws {
        let wire = try await Wire { $0.resolve = [] }
        wire.add(sample)
        let receiver = Gathering()
        try await wire.fetch(sample, into: receiver)
        #expect(receiver.bytes == sample.bytes)
        await wire.stop()
    }
}
