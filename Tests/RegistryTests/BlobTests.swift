import OCI
import Registry
import TestSupport
import Testing
import Transport

@Suite struct `A blob` {
    let sample = Sample.blob(100_000)

    private func fetch(_ rig: Rig, into receiver: Gathering) async throws {
        try await rig.client.blob(
            sample.descriptor, in: repository("r.example/a"), credential: nil, into: receiver)
    }

    @Test func `comes whole`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply() }
        let receiver = Gathering()
        try await fetch(rig, into: receiver)
        #expect(receiver.bytes == sample.bytes && receiver.restarts == 0)
        #expect(rig.asked == ["GET https://r.example/v2/a/blobs/\(sample.descriptor.digest)"])
        #expect(rig.http.requests[0].headers.fields.isEmpty)
        #expect(rig.http.requests[0].options.total == nil)
    }

    @Test func `goes on where its receiver is`() async throws {
        let rig = Rig { [sample] request, _ in sample.part(from: request.offset) }
        let receiver = Gathering(Array(sample.bytes[..<40_000]))
        try await fetch(rig, into: receiver)
        #expect(rig.http.requests[0].headers.all("Range") == ["bytes=40000-"])
        #expect(receiver.bytes == sample.bytes && receiver.restarts == 0)
    }

    @Test(arguments: [
        "bytes 40000-99999/*", "BYTES 40000-99999/100000",
    ])
    func `is taken from a range that says where it is`(range: String) async throws {
        let rig = Rig { [sample] request, _ in sample.part(from: request.offset, range: range) }
        let receiver = Gathering(Array(sample.bytes[..<40_000]))
        try await fetch(rig, into: receiver)
        #expect(receiver.bytes == sample.bytes && receiver.restarts == 0 && rig.asked.count == 1)
    }

    @Test(arguments: [
        "bytes 39999-99999/100000", "bytes 40001-99999/100000", "bytes 0-59999/100000", "bytes 40000-99999/100001",
        "bytes 40000-99998/100000", "bytes 40000-100000/*", "bytes */100000", "40000-99999/100000", "", "bytes",
        "bytes 40000-99999", "bytes -1-99999/100000", "bytes 40000-99999999999999999999/100000",
    ])
    func `begins anew after a range that is not the one asked for`(range: String) async throws {
        let rig = Rig { [sample] request, _ in
            request.offset > 0 ? sample.part(from: request.offset, range: range) : sample.reply()
        }
        let receiver = Gathering(Array(sample.bytes[..<40_000]))
        try await fetch(rig, into: receiver)
        #expect(receiver.bytes == sample.bytes && receiver.restarts == 1)
        #expect(rig.clock.waits.isEmpty)
    }

    @Test func `begins anew when the range is refused, without waiting for the refusal's body`() async throws {
        let rig = Rig { [sample] request, _ in
            guard request.offset > 0 else { return sample.reply() }
            return ScriptedReply(
                status: 416, headers: HTTPHeaders([("Content-Length", "100000")]), body: [1, 2, 3], end: .cut(after: 3))
        }
        let receiver = Gathering(Array(sample.bytes[..<40_000]))
        try await fetch(rig, into: receiver)
        #expect(receiver.bytes == sample.bytes && receiver.restarts == 1 && rig.asked.count == 2)
    }

    @Test func `begins anew when the range is ignored`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply() }
        let receiver = Gathering(Array(sample.bytes[..<40_000]))
        try await fetch(rig, into: receiver)
        #expect(receiver.bytes == sample.bytes && receiver.restarts == 1 && rig.asked.count == 1)
    }

    @Test func `that its receiver has more of than there is begins anew`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply() }
        let receiver = Gathering(sample.bytes + [0])
        try await fetch(rig, into: receiver)
        #expect(receiver.bytes == sample.bytes && receiver.restarts == 1)
    }

    @Test func `that its receiver has whole is not asked for`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply() }
        try await fetch(rig, into: Gathering(sample.bytes))
        #expect(rig.asked.isEmpty)
    }

    @Test(arguments: [200, 206])
    func `ends at one byte too many, which nobody gets`(status: Int) async throws {
        let rig = Rig { [sample] request, _ in
            var reply = status == 200 ? sample.reply() : sample.part(from: request.offset)
            reply.body.append(0)
            return reply.withoutLength
        }
        let receiver = Gathering(status == 200 ? [] : Array(sample.bytes[..<10]), capacity: sample.bytes.count)
        let error = await #expect(throws: RegistryError.self) { try await fetch(rig, into: receiver) }
        #expect(error?.kind == .integrity)
        #expect(receiver.offset == 0, "what came from there is not worth resuming")
        #expect(rig.asked.count == 1)
    }

    @Test(arguments: ["99999", "100001", "0"])
    func `is refused at the head when it is announced with another length`(length: String) async throws {
        let rig = Rig { [sample] _, _ in sample.reply(["Content-Length": length]) }
        let receiver = Gathering()
        let error = await #expect(throws: RegistryError.self) { try await fetch(rig, into: receiver) }
        #expect(error?.kind == .integrity && receiver.offset == 0)
    }

    @Test(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
    func `has the length that its head announces, read as other clients read it`() throws {
        for vector in try CorpusFiles.cases("http-content-length") {
            let fields = strings(vector["input"]).map { ("Content-Length", $0) }
            let head = HTTPResponseHead(status: 200, headers: HTTPHeaders(fields))
            #expect(head.contentLength == vector["expected"]?.integer, "\(vector["id"]?.string ?? "")")
        }
    }

    @Test(arguments: [201, 202, 203, 204, 206, 300, 304, 333])
    func `is not taken from an answer of another kind`(status: Int) async throws {
        let rig = Rig { [sample] _, _ in
            var reply = sample.reply()
            reply.status = status
            return reply
        }
        let receiver = Gathering()
        let reason = try await reason { try await fetch(rig, into: receiver) }
        guard case .refused(status, by: "r.example", _) = reason else {
            Issue.record("\(reason as Any)")
            return
        }
        #expect(receiver.offset == 0)
    }

    @Test func `goes to the place that a redirect names, without what proves who asks`() async throws {
        let rig = Rig { [sample] request, _ in
            if request.url.hasPrefix("https://auth") { return .token("{\"token\":\"t\"}") }
            if request.url.hasPrefix("https://cdn.example/") {
                return request.headers.first("Authorization") == nil ? sample.part(from: request.offset) : .status(400)
            }
            if request.url.hasPrefix("https://r.example/elsewhere") {
                return .status(302, [("Location", "https://cdn.example/blob?sig=1")])
            }
            return request.headers.first("Authorization") == nil
                ? .challenge(plainChallenge) : .status(307, [("Location", "/elsewhere?x")])
        }
        let receiver = Gathering(Array(sample.bytes[..<10]))
        try await fetch(rig, into: receiver)
        #expect(receiver.bytes == sample.bytes)
        #expect(rig.shown == [nil, nil, "Bearer t", "Bearer t", nil])
        #expect(rig.http.requests.last?.headers.all("Range") == ["bytes=10-"])
    }

    @Test(arguments: ["https://r.example:444/", "https://R2.example/", "https://cdn.example/"])
    func `shows nothing again after a redirect that came back`(place: String) async throws {
        let host = RegistryHost(name: "r.example")
        let rig = Rig(hosts: [host]) { [sample] request, number in
            switch number {
            case 0: .status(307, [("Location", place)])
            case 1: .status(307, [("Location", "https://r.example/back")])
            default: sample.reply()
            }
        }
        try await rig.client.blob(
            sample.descriptor, in: repository("r.example/a"), credential: .registryToken("rt"), into: Gathering())
        #expect(rig.shown == ["Bearer rt", nil, nil])
    }

    @Test(arguments: ["http://r.example/x", "https://169.254.169.254/", "https://127.0.0.1/", "ftp://cdn.example/"])
    func `is not fetched from where a redirect may not lead`(location: String) async throws {
        let rig = Rig { _, _ in .status(307, [("Location", location)]) }
        let error = await #expect(throws: RegistryError.self) { try await fetch(rig, into: Gathering()) }
        #expect(error?.kind == .forbidden && rig.asked.count == 1)
    }

    @Test func `is given up after ten redirects`() async throws {
        let rig = Rig { _, number in .status(307, [("Location", "/hop\(number)")]) }
        let reason = try await reason { try await fetch(rig, into: Gathering()) }
        #expect(reason == .unsafeRedirect("more than 10 times") && rig.asked.count == 11)
    }

    @Test func `is never fetched from the places that its descriptor names`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply() }
        var descriptor = sample.descriptor
        descriptor.urls = ["https://evil.test/layer"]
        try await rig.client.blob(descriptor, in: repository("r.example/a"), credential: nil, into: Gathering())
        #expect(rig.requests(to: "https://evil").isEmpty && rig.asked.count == 1)
    }
}
