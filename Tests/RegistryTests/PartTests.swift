import OCI
import Registry
import TestSupport
import Testing
import Transport

@Suite struct `A part of a blob` {
    let sample = Sample.blob(100_000)
    let part: Range<Int64> = 30_000..<60_000

    private func fetch(
        _ rig: Rig, _ range: Range<Int64>, route: BlobRoute = BlobRoute(), into receiver: Gathering
    ) async throws {
        try await rig.client.part(
            range, of: sample.descriptor, in: repository("r.example/a"), credential: nil, route: route, into: receiver)
    }

    /// Holds what is before the part, so that its offset is where the part begins.
    private func receiver(before range: Range<Int64>) -> Gathering {
        Gathering(Array(sample.bytes[..<Int(range.lowerBound)]))
    }

    @Test func `is what was asked for, from its first byte to its last`() async throws {
        let rig = Rig { [sample] request, _ in sample.part(request) }
        for range in [0..<100_000, 0..<1, 30_000..<60_000, 99_999..<100_000] as [Range<Int64>] {
            let receiver = receiver(before: range)
            try await fetch(rig, range, into: receiver)
            #expect(receiver.bytes == Array(sample.bytes[..<Int(range.upperBound)]) && receiver.restarts == 0)
        }
        #expect(rig.http.requests.map { $0.headers.first("Range") }.contains("bytes=30000-59999"))
    }

    @Test func `goes on where its connection broke`() async throws {
        let rig = Rig { [sample] request, number in
            number == 0 ? sample.part(request).cut(after: 20_000) : sample.part(request)
        }
        let receiver = receiver(before: part)
        try await fetch(rig, part, into: receiver)
        #expect(receiver.bytes == Array(sample.bytes[..<60_000]))
        #expect(rig.http.requests.map { $0.headers.first("Range") } == ["bytes=30000-59999", "bytes=50000-59999"])
    }

    @Test func `of which a server gives less than was asked for is asked for again from there`() async throws {
        let rig = Rig { [sample] request, _ in sample.part(request, atMost: 10_000) }
        let receiver = receiver(before: part)
        try await fetch(rig, part, into: receiver)
        #expect(receiver.bytes == Array(sample.bytes[..<60_000]) && rig.asked.count == 3)
        #expect(rig.clock.waits.isEmpty)
    }

    @Test(arguments: [
        "bytes 29999-59998/100000", "bytes 30001-60000/100000", "bytes 30000-60000/100000", "bytes 30000-59999/100001",
        "bytes 0-29999/100000", "bytes */100000", "", "multipart/byteranges",
    ])
    func `that is another part is not taken`(range: String) async throws {
        let rig = Rig { [sample] _, _ in
            ScriptedReply(
                status: 206, headers: HTTPHeaders([("Content-Range", range)]),
                body: Array(sample.bytes[30_000..<60_000]))
        }
        let receiver = receiver(before: part)
        await #expect(throws: PartsUnavailable.self) { try await fetch(rig, part, into: receiver) }
        #expect(receiver.offset == 30_000 && rig.asked.count == 1)
    }

    @Test(arguments: [200, 416])
    func `is not taken from a server that gives out no parts`(status: Int) async throws {
        let rig = Rig { [sample] _, _ in
            var reply = sample.reply()
            reply.status = status
            return reply
        }
        let receiver = receiver(before: part)
        await #expect(throws: PartsUnavailable.self) { try await fetch(rig, part, into: receiver) }
        #expect(receiver.offset == 30_000)
    }

    @Test func `that goes on after its last byte is not taken further`() async throws {
        let rig = Rig { [sample] request, _ in
            var reply = sample.part(request)
            reply.body += [1]
            return reply.withoutLength
        }
        let receiver = receiver(before: part)
        await #expect(throws: PartsUnavailable.self) { try await fetch(rig, part, into: receiver) }
        #expect(receiver.offset <= 60_000)
    }
}

@Suite struct `The parts of one blob` {
    let sample = Sample.blob(100_000)

    private func fetch(_ rig: Rig, _ route: BlobRoute, _ ranges: [Range<Int64>]) async throws {
        for range in ranges {
            let receiver = Gathering(Array(sample.bytes[..<Int(range.lowerBound)]))
            try await rig.client.part(
                range, of: sample.descriptor, in: repository("r.example/a"), credential: nil, route: route,
                into: receiver)
            #expect(receiver.bytes == Array(sample.bytes[..<Int(range.upperBound)]))
        }
    }

    private func rig(
        _ place: String, _ answer: @escaping @Sendable (HTTPRequest, Int) -> ScriptedReply
    ) -> Rig {
        Rig { request, number in
            request.url.hasPrefix("https://r.example/") ? .status(307, [("Location", place)]) : answer(request, number)
        }
    }

    @Test func `ask their way once`() async throws {
        let rig = rig("https://cdn.example/b?sig=1") { [sample] request, _ in sample.part(request) }
        try await fetch(rig, BlobRoute(), [0..<10_000, 10_000..<20_000, 20_000..<30_000])
        #expect(rig.requests(to: "https://r.example/").count == 1)
        #expect(rig.requests(to: "https://cdn.example/").count == 3)
        #expect(rig.shown.allSatisfy { $0 == nil })
    }

    @Test func `name the version they go on with, where the place has said one`() async throws {
        let rig = rig("https://cdn.example/b") { [sample] request, _ in
            var reply = sample.part(request)
            reply.headers.set("ETag", "\"v1\"")
            return reply
        }
        try await fetch(rig, BlobRoute(), [0..<10_000, 10_000..<20_000])
        #expect(rig.requests(to: "https://cdn.example/").map { $0.headers.first("If-Range") } == [nil, "\"v1\""])
    }

    @Test(arguments: ["Expires=1746100830", "X-Amz-Expires=30&X-Amz-Signature=0", "x-goog-expires=30"])
    func `ask their way again before a signed place expires`(query: String) async throws {
        let rig = rig("https://cdn.example/b?\(query)") { [sample] request, _ in sample.part(request) }
        let route = BlobRoute()
        try await fetch(rig, route, [0..<10_000, 10_000..<20_000])
        #expect(rig.requests(to: "https://r.example/").count == 1)
        rig.clock.advance(by: .seconds(26))
        try await fetch(rig, route, [20_000..<30_000])
        #expect(rig.requests(to: "https://r.example/").count == 2)
    }

    @Test(arguments: [403, 404, 410, 500])
    func `ask their way again when the place does not answer any more`(status: Int) async throws {
        let rig = rig("https://cdn.example/b") { [sample] request, number in
            number == 2 ? .status(status, [], "<Error><Code>AccessDenied</Code></Error>") : sample.part(request)
        }
        try await fetch(rig, BlobRoute(), [0..<10_000, 10_000..<20_000])
        #expect(rig.requests(to: "https://r.example/").count == 2)
        #expect(rig.clock.waits.isEmpty, "a fresh place is no retry")
    }
}

extension Sample {
    /// The bytes that the request's `Range` asks for.
    fileprivate func part(_ request: HTTPRequest, atMost limit: Int = .max) -> ScriptedReply {
        let ends = (request.headers.first("Range") ?? "bytes=0-0").dropFirst(6).split(separator: "-").compactMap {
            Int($0)
        }
        let range = ends[0]..<min(ends[1] + 1, ends[0] + min(limit, bytes.count))
        let text = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)"
        return ScriptedReply(
            status: 206, headers: HTTPHeaders([("Content-Range", text)]), body: Array(bytes[range]))
    }
}
