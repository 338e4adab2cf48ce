import OCI
import Registry
import TestSupport
import Testing
import Transport

private let limited =
    "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\","
    + "\"message\":\"You have reached your unauthenticated pull rate limit.\"}]}"

@Suite struct `A registry whose allowance is spent` {
    let sample = Sample.manifest()

    /// HEAD tells what is left, GET is refused when nothing is.
    private func rig(left: @escaping @Sendable (Int) -> Int, retryAfter: String? = nil) -> Rig {
        Rig { [sample] request, number in
            let fields = ["RateLimit-Limit": "10;w=21600", "RateLimit-Remaining": "\(left(number));w=21600"]
            if request.method == .head || left(number) > 0 { return sample.reply(fields) }
            var refusal = ScriptedReply.status(429, fields.map { ($0.key, $0.value) }, limited)
            if let retryAfter { refusal.headers.set("Retry-After", retryAfter) }
            return refusal
        }
    }

    private func get(_ rig: Rig, credential: Credential? = nil) async throws {
        _ = try await rig.client.document(
            sample.descriptor, in: repository("alpine"), limit: 10_000, credential: credential)
    }

    @Test func `is not asked for manifests again, and the error says until when`() async throws {
        let rig = rig(left: { _ in 0 })
        for _ in 0..<3 {
            let error = await #expect(throws: RegistryError.self) { try await get(rig) }
            #expect(error?.kind == .rateLimited(retryAfter: .seconds(21600)))
            let text = error?.description ?? ""
            #expect(text.hasPrefix("toomanyrequests: You have reached your unauthenticated pull rate limit."))
            #expect(text.contains("try again at 2025-05-01T18:00 UTC, in 360 min"), "\(text)")
        }
        #expect(rig.asked.count == 1 && rig.clock.waits.isEmpty)
    }

    @Test func `is asked again when its time has come`() async throws {
        let rig = rig(left: { $0 == 0 ? 0 : 5 }, retryAfter: "3600")
        await #expect(throws: RegistryError.self) { try await get(rig) }
        rig.clock.advance(by: .seconds(3500))
        let error = await #expect(throws: RegistryError.self) { try await get(rig) }
        #expect(error?.kind == .rateLimited(retryAfter: .seconds(100)))
        #expect(rig.asked.count == 1)
        rig.clock.advance(by: .seconds(50))
        try await get(rig)
        #expect(rig.clock.waits == [.seconds(50)], "the last minute is waited for")
    }

    @Test func `is still asked what names mean, and for manifests once it says that something is left`() async throws {
        let rig = rig(left: { $0 < 2 ? 0 : 3 })
        await #expect(throws: RegistryError.self) { try await get(rig) }
        _ = try await rig.client.resolve(reference("alpine"), credential: nil)
        await #expect(throws: RegistryError.self) { try await get(rig) }
        #expect(rig.asked.count == 2)
        _ = try await rig.client.resolve(reference("alpine"), credential: nil)
        try await get(rig)
        #expect(rig.asked.count == 4)
    }

    @Test func `is asked on behalf of another account, whose allowance is its own`() async throws {
        let rig = rig(left: { $0 == 0 ? 0 : 9 })
        await #expect(throws: RegistryError.self) { try await get(rig) }
        try await get(rig, credential: .basic(username: "ann", password: "secret"))
        let reports = rig.client.allowances()
        #expect(reports.map(\.account) == [nil, "ann"] && reports.map(\.allowance?.remaining) == [0, 9])
        #expect(reports.map(\.coolingUntil) == [Timestamp(seconds: noon.seconds + 21600), nil])
        #expect(!"\(reports)".contains("secret"))
    }

    @Test func `that asks everybody to come back later is waited for, without a request`() async throws {
        let rig = Rig { [sample] _, number in
            number == 0 ? .status(429, [("Retry-After", "30")], "Too Many Requests (HAP429).\n") : sample.reply()
        }
        try await get(rig)
        #expect(rig.asked.count == 2 && rig.clock.waits == [.seconds(30)])
    }
}

@Suite struct `What is kept warm` {
    private func rig(left: Int, reserve: Int = 20) -> Rig {
        var hub = RegistryHost(name: "docker.io")
        hub.reserve = reserve
        return Rig(hosts: [hub]) { _, _ in
            Sample.manifest().reply(["RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "\(left);w=21600"])
        }
    }

    private func admit(_ rig: Rig, _ purpose: FetchPurpose) async throws {
        _ = try await rig.client.resolve(reference("alpine"), credential: nil)
        try await rig.client.admit(purpose, to: repository("alpine"), credential: nil)
    }

    @Test func `leaves the reserve to people`() async throws {
        try await admit(rig(left: 21), .warm)
        try await admit(rig(left: 0, reserve: 20), .interactive)
        let text = try await sentence { try await admit(rig(left: 20), .warm) }
        #expect(
            text?.contains("20 pulls are left of its allowance and 20 are kept for people") == true, "\(text ?? "")")
    }

    @Test func `is fetched from a registry that has no allowance, or has not told of one`() async throws {
        let rig = Rig { _, _ in Sample.manifest().reply() }
        try await rig.client.admit(.warm, to: repository("alpine"), credential: nil)
        try await admit(rig, .warm)
    }

    @Test func `has 20 pulls kept from it at Docker Hub, and none elsewhere`() {
        #expect(RegistryHost(name: "docker.io").reserve == 20 && RegistryHost(name: "ghcr.io").reserve == 0)
    }
}
