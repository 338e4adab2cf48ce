import Coordination
import OCI
import Registry
import TestSupport
import Testing
import Transport

@Suite struct `A transfer` {
    let sample = Sample.blob(200_000)

    private func fetch(_ rig: Rig, into receiver: Gathering = Gathering()) async throws {
        try await rig.client.blob(
            sample.descriptor, in: repository("r.example/a"), credential: nil, into: receiver)
    }

    @Test func `that breaks goes on with the bytes it has, and says so`() async throws {
        let rig = Rig { [sample] request, number in
            let reply = request.offset == 0 ? sample.reply() : sample.part(from: request.offset)
            return number < 3 ? reply.cut(after: 50_000) : reply
        }
        let receiver = Gathering()
        try await fetch(rig, into: receiver)
        #expect(receiver.bytes == sample.bytes && receiver.restarts == 0)
        #expect(rig.http.requests.map(\.offset) == [0, 50_000, 100_000, 150_000])
        #expect(receiver.retries == rig.clock.waits && receiver.attempts == [1, 1, 1])
    }

    @Test func `that makes progress is never given up`() async throws {
        let rig = Rig(attempts: 2) { [sample] request, _ in
            (request.offset == 0 ? sample.reply() : sample.part(from: request.offset)).cut(after: 20_000)
        }
        let receiver = Gathering()
        try await fetch(rig, into: receiver)
        #expect(receiver.bytes == sample.bytes && rig.asked.count == 10)
    }

    @Test func `that gets the same bytes again and again makes no progress`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply().cut(after: 150_000) }
        let error = await #expect(throws: RegistryError.self) { try await fetch(rig) }
        #expect(rig.asked.count == 6 && error?.kind == .unavailable(retryAfter: nil))
    }

    @Test func `that trickles is given up`() async throws {
        let rig = Rig { [sample] request, _ in
            (request.offset == 0 ? sample.reply() : sample.part(from: request.offset)).cut(after: 10)
        }
        await #expect(throws: RegistryError.self) { try await fetch(rig) }
        #expect(rig.asked.count == 5)
    }

    @Test func `whose answer ends early without having said its length goes on`() async throws {
        let rig = Rig { [sample] request, number in
            guard number > 0 else { return ScriptedReply(body: Array(sample.bytes[..<50_000])).withoutLength }
            return sample.part(from: request.offset)
        }
        let receiver = Gathering()
        try await fetch(rig, into: receiver)
        #expect(receiver.bytes == sample.bytes && rig.http.requests.map(\.offset) == [0, 50_000])
    }

    @Test(arguments: [403, 400, 401, 404, 410])
    func `whose signed place has expired asks the registry for a new one`(status: Int) async throws {
        let rig = Rig { [sample] request, number in
            if request.url.hasPrefix("https://r.example/") {
                return .status(307, [("Location", "https://cdn.example/?sig=\(number)")])
            }
            switch number {
            case 1: return sample.reply().cut(after: 60_000)
            case 3:
                return .status(
                    status, [("Content-Type", "application/xml")], "<Error><Code>AccessDenied</Code></Error>")
            default: return sample.part(from: request.offset)
            }
        }
        let receiver = Gathering()
        try await fetch(rig, into: receiver)
        #expect(receiver.bytes == sample.bytes)
        #expect(rig.asked.map { $0.hasPrefix("GET https://cdn") } == [false, true, false, true, false, true])
        #expect(rig.asked[5] == "GET https://cdn.example/?sig=4")
    }

    @Test(arguments: [408, 429, 500, 502, 503, 504, 520])
    func `is tried again after a failure that may pass, waiting longer each time`(status: Int) async throws {
        let rig = Rig { _, _ in .status(status) }
        await #expect(throws: RegistryError.self) { try await fetch(rig) }
        #expect(rig.clock.waits == [.seconds(1), .seconds(2), .seconds(4), .seconds(8)])
    }

    @Test(arguments: [400, 401, 403, 404, 405, 410, 418, 451, 501, 505])
    func `is not tried again after a failure that stays`(status: Int) async throws {
        let rig = Rig { request, _ in request.url.hasSuffix("/v2/") ? .status(200) : .status(status) }
        await #expect(throws: RegistryError.self) { try await fetch(rig) }
        #expect(rig.clock.waits.isEmpty)
    }

    static let connection: [(error: TransportError, attempts: Int)] = [
        (.unreachable(host: "r.example", reason: "x"), 5), (.timedOut(host: "r.example", reason: "x"), 5),
        (.interrupted(host: "r.example", reason: "x"), 5), (.brokenReply(host: "r.example", reason: "x"), 5),
        (.untrusted(host: "r.example", reason: "x"), 1), (.misconfigured(host: "r.example", reason: "x"), 1),
        (.invalidRequest(reason: "x"), 1), (.shutDown, 1), (.internalFailure(reason: "x"), 1),
    ]

    @Test(arguments: connection)
    func `is tried again when the connection failed, unless that would fail again`(
        error: TransportError, attempts: Int
    ) async throws {
        let rig = Rig { _, _ in throw error }
        let thrown = await #expect(throws: RegistryError.self) { try await fetch(rig) }
        #expect(rig.asked.count == attempts && thrown?.cause as? TransportError == error)
        #expect(thrown?.kind != .integrity, "a broken connection is no damaged content")
    }

    @Test(arguments: [("7", Duration.seconds(7)), ("60", .seconds(60)), ("1746100830", .seconds(30))])
    func `waits as long as it is asked to`(after: String, wait: Duration) async throws {
        let rig = Rig { [sample] _, number in
            number == 0 ? .status(429, [("Retry-After", after)]) : sample.reply()
        }
        let receiver = Gathering()
        try await fetch(rig, into: receiver)
        #expect(rig.clock.waits == [wait] && receiver.retries == [wait])
    }

    @Test(arguments: [429, 503])
    func `is given up when the wait is longer than anybody would`(status: Int) async throws {
        let rig = Rig { _, _ in .status(status, [("Retry-After", "3600")]) }
        let error = await #expect(throws: RegistryError.self) { try await fetch(rig) }
        let hour = Duration.seconds(3600)
        #expect(error?.kind == (status == 429 ? .rateLimited(retryAfter: hour) : .unavailable(retryAfter: hour)))
        #expect(error?.description.contains("try again at 2025-05-01T13:00 UTC, in 60 min") == true)
        #expect(rig.asked.count == 1)
    }

    @Test(arguments: [(429, "30", 1), (503, "30", 1), (503, nil, 2), (500, nil, 2)] as [(Int, String?, Int)])
    func `is tried once more, and not waited for, by whoever has another place to ask`(
        status: Int, after: String?, requests: Int
    ) async throws {
        let rig = Rig { _, _ in .status(status, after.map { [("Retry-After", $0)] } ?? []) }
        let get = {
            _ = try await rig.client.hurried.document(
                sample.descriptor, in: repository("r.example/a"), limit: 2_000_000, credential: nil)
        }
        await #expect(throws: RegistryError.self) { try await get() }
        #expect(rig.asked.count == requests)
        #expect(rig.clock.waits == Array(repeating: .milliseconds(250), count: requests - 1))
        // What one has found out, the other knows, and waits for nobody else's word either.
        for _ in 0..<8 { await #expect(throws: RegistryError.self) { try await get() } }
        #expect(rig.asked.count <= 10 && rig.clock.waits.allSatisfy { $0 <= .milliseconds(250) })
    }

    @Test func `is given up when the allowance is used up`() async throws {
        let body =
            "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"You have reached your pull rate limit.\"}]}"
        for fields in [[], [("ratelimit-remaining", "0;w=21600")]] {
            let rig = Rig { _, _ in .status(429, fields, fields.isEmpty ? body : "") }
            let error = await #expect(throws: RegistryError.self) { try await fetch(rig) }
            // A window that was told of is over at the latest when it began now.
            let wait: Duration? = fields.isEmpty ? nil : .seconds(21600)
            #expect(error?.kind == .rateLimited(retryAfter: wait) && rig.asked.count == 1)
            #expect(error?.description.hasPrefix("toomanyrequests: ") == true)
        }
    }

    @Test func `passes on what its receiver throws, untouched and once`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply() }
        await #expect(throws: Gathering.Full.self) { try await fetch(rig, into: Gathering(capacity: 50_000)) }
        #expect(rig.asked.count == 1)
    }

    @Test func `ends when its task is cancelled while it waits`() async throws {
        let started = Locked<Task<Void, any Error>?>(nil)
        let rig = Rig { _, _ in
            started.withLock { $0 }?.cancel()
            return .status(503)
        }
        let gate = AsyncStream<Void>.makeStream()
        let task = Task {
            for await _ in gate.stream { break }
            try await fetch(rig)
        }
        started.withLock { $0 = task }
        gate.continuation.yield()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(rig.asked.count == 1)
    }
}
