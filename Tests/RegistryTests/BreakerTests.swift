import OCI
import Registry
import TestSupport
import Testing
import Transport

@Suite struct `A registry that fails again and again` {
    let sample = Sample.manifest()

    private func get(_ rig: Rig) async throws {
        _ = try await rig.client.document(
            sample.descriptor, in: repository("r.example/a"), limit: 10_000, credential: nil)
    }

    @Test func `is left alone for a while by whoever comes new`() async throws {
        let rig = Rig(attempts: 4) { _, _ in .status(503) }
        for _ in 0..<2 { await #expect(throws: RegistryError.self) { try await get(rig) } }
        let before = rig.asked.count
        #expect(before == 8)
        let error = await #expect(throws: RegistryError.self) { try await get(rig) }
        #expect(error?.kind == .unavailable(retryAfter: .seconds(2)))
        #expect(rig.asked.count == before)
    }

    @Test func `is asked once after that, and by all when it answers`() async throws {
        let rig = Rig(attempts: 4) { [sample] _, number in number < 9 ? .status(503) : sample.reply() }
        for _ in 0..<2 { await #expect(throws: RegistryError.self) { try await get(rig) } }
        rig.clock.advance(by: .seconds(2))
        // The one that finds out waits for the next opening itself, four seconds after it was refused.
        try await get(rig)
        #expect(rig.clock.waits.last == .seconds(3))
        for _ in 0..<3 { try await get(rig) }
        #expect(rig.asked.count == 13)
    }

    @Test func `does not count as such while bytes come`() async throws {
        let blob = Sample.blob(2_000_000)
        let rig = Rig { request, _ in blob.part(from: request.offset).orWhole(blob, request).cut(after: 100_000) }
        let receiver = Gathering()
        try await rig.client.blob(blob.descriptor, in: repository("r.example/a"), credential: nil, into: receiver)
        #expect(receiver.bytes == blob.bytes && receiver.restarts == 0)
    }
}

@Suite struct `A mirror that fails again and again` {
    @Test func `is passed over, and returned to when it is well`() async throws {
        let sample = Sample.manifest()
        let host = RegistryHost(name: "r.example", mirrors: ["https://m.example"])
        let rig = Rig(hosts: [host]) { request, number in
            request.url.hasPrefix("https://m.example") && number < 8 ? .status(502) : sample.reply()
        }
        let get = {
            _ = try await rig.client.document(
                sample.descriptor, in: repository("r.example/a"), limit: 10_000, credential: nil)
        }
        for _ in 0..<5 { try await get() }
        #expect(rig.requests(to: "https://m.example").count == 3)
        #expect(rig.requests(to: "https://r.example").count == 5)
        rig.clock.advance(by: .seconds(30))
        try await get()
        #expect(rig.requests(to: "https://r.example").count == 5)
        #expect(rig.requests(to: "https://m.example").count == 4)
    }
}

extension ScriptedReply {
    fileprivate func orWhole(_ blob: Sample, _ request: HTTPRequest) -> ScriptedReply {
        request.headers.first("Range") == nil ? blob.reply() : self
    }
}
