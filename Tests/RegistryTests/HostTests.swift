import OCI
import Registry
import TestSupport
import Testing
import Transport

@Suite struct `A registry` {
    let sample = Sample.manifest()

    @Test func `of the configuration is asked at its endpoint, with its options`() async throws {
        var options = ConnectionOptions()
        options.caFile = "/ca.pem"
        options.proxy = "http://proxy.example"
        let host = RegistryHost(
            name: "r.example:5000", endpoint: "http://10.0.0.7:8080/prefix/", options: options, insecure: true)
        let rig = Rig(hosts: [host], anyRegistry: false) { [sample] _, _ in sample.reply() }
        _ = try await rig.client.resolve(reference("r.example:5000/a:1"), credential: nil)
        #expect(rig.asked == ["HEAD http://10.0.0.7:8080/prefix/v2/a/manifests/1"])
        let used = rig.http.requests[0].options
        #expect(used.caFile == "/ca.pem" && used.proxy == "http://proxy.example" && used.insecure)
    }

    @Test func `without a section is asked at its name, where that is allowed`() async throws {
        let rig = Rig { [sample] _, _ in sample.reply() }
        _ = try await rig.client.resolve(reference("other.example:5000/a:1"), credential: nil)
        #expect(rig.asked == ["HEAD https://other.example:5000/v2/a/manifests/1"])
        #expect(!rig.http.requests[0].options.insecure)
    }

    @Test func `without a section is refused by default of permission, naming the remedy`() async throws {
        let rig = Rig(anyRegistry: false) { [sample] _, _ in sample.reply() }
        let error = await #expect(throws: RegistryError.self) {
            _ = try await rig.client.resolve(reference("other.example/a:1"), credential: nil)
        }
        #expect(error?.kind == .forbidden && rig.asked.isEmpty)
        #expect(error?.description.contains("[registry.\"other.example\"]") == true)
    }

    @Test(arguments: ["ftp://r.example", "https://ann:secret@r.example", "r.example", ""])
    func `with an endpoint that is none is an error without the endpoint's text`(endpoint: String) async throws {
        let rig = Rig(hosts: [RegistryHost(name: "r.example", endpoint: endpoint)]) { [sample] _, _ in sample.reply() }
        let error = await #expect(throws: RegistryError.self) {
            _ = try await rig.client.resolve(reference("r.example/a"), credential: nil)
        }
        #expect(error?.kind == .invalidInput && error?.description.contains("secret") == false)
    }

    @Test func `that is insecure is asked in the clear where it speaks no https, and that is remembered`() async throws
    {
        let rig = Rig(hosts: [RegistryHost(name: "r.example", insecure: true)]) { [sample] request, _ in
            guard request.url.hasPrefix("http://") else {
                throw TransportError.unreachable(host: "r.example", reason: "the TLS handshake failed")
            }
            return sample.reply()
        }
        for _ in 0..<2 { _ = try await rig.client.resolve(reference("r.example/a:1"), credential: nil) }
        #expect(
            rig.asked == [
                "HEAD https://r.example/v2/a/manifests/1", "HEAD http://r.example/v2/a/manifests/1",
                "HEAD http://r.example/v2/a/manifests/1",
            ])
        #expect(rig.http.requests.allSatisfy { $0.options.insecure } && rig.clock.waits.isEmpty)
    }

    @Test func `that is insecure and speaks https is never asked in the clear`() async throws {
        let rig = Rig(hosts: [RegistryHost(name: "r.example", insecure: true)]) { [sample] _, number in
            switch number {
            case 0: return .status(503)
            case 1: return sample.reply()
            default: throw TransportError.unreachable(host: "r.example", reason: "down")
            }
        }
        _ = try await rig.client.resolve(reference("r.example/a:1"), credential: nil)
        await #expect(throws: RegistryError.self) {
            _ = try await rig.client.resolve(reference("r.example/a:1"), credential: nil)
        }
        #expect(rig.asked.allSatisfy { $0.hasPrefix("HEAD https://") } && rig.asked.count == 7)
    }

    @Test(arguments: ["r.example", "10.0.0.1:5000"])
    func `that is not insecure is never asked in the clear`(name: String) async throws {
        let rig = Rig(hosts: []) { _, _ in throw TransportError.unreachable(host: name, reason: "refused") }
        await #expect(throws: RegistryError.self) {
            _ = try await rig.client.resolve(reference("\(name)/a"), credential: nil)
        }
        #expect(rig.asked.allSatisfy { $0.hasPrefix("HEAD https://") })
    }

    @Test(arguments: ["localhost:5000", "127.0.0.1:5000", "[::1]:5000"])
    func `of this machine may be asked in the clear without a section`(name: String) async throws {
        let rig = Rig(hosts: []) { [sample] request, _ in
            guard request.url.hasPrefix("http://") else {
                throw TransportError.unreachable(host: name, reason: "the TLS handshake failed")
            }
            return sample.reply()
        }
        _ = try await rig.client.resolve(reference("\(name)/a:1"), credential: nil)
        #expect(rig.asked.last == "HEAD http://\(name)/v2/a/manifests/1")
    }
}

@Suite struct `A mirror` {
    let sample = Sample.manifest()
    let credential = Credential.basic(username: "ann", password: "hunter2hunter2")

    private func host(_ mirrors: String...) -> RegistryHost {
        var options = ConnectionOptions()
        options.clientCertificate = "/cert.pem"
        return RegistryHost(
            name: "r.example", mirrors: mirrors, options: options, credential: credential)
    }

    @Test func `is asked first, in order, and told whose content is wanted`() async throws {
        let rig = Rig(hosts: [host("https://m1.example", "http://m2.example/cache")]) { [sample] request, _ in
            request.url.hasPrefix("http://m2") ? sample.reply() : .status(404)
        }
        let resolution = try await rig.client.resolve(reference("r.example/a:1"), credential: nil)
        #expect(resolution.host == "m2.example")
        #expect(
            rig.asked == [
                "HEAD https://m1.example/v2/a/manifests/1?ns=r.example",
                "HEAD http://m2.example/cache/v2/a/manifests/1?ns=r.example",
            ])
        #expect(rig.http.requests.allSatisfy { $0.options.clientCertificate == nil })
    }

    enum Failure: CaseIterable { case missing, denied, limited, down, challenge, wrong, refused, redirect }

    @Test(arguments: Failure.allCases)
    func `that fails is passed over at once, and sees no credential`(failure: Failure) async throws {
        let rig = Rig(hosts: [host("https://m.example")]) { [sample] request, _ in
            guard request.url.hasPrefix("https://m.example") else { return sample.reply() }
            switch failure {
            case .missing: return .status(404)
            case .denied: return .status(403)
            case .limited: return .status(429, [("Retry-After", "30")])
            case .down: throw TransportError.unreachable(host: "m.example", reason: "refused")
            case .challenge: return .challenge("Basic realm=\"give\"")
            case .wrong: return Sample.manifest("other").reply()
            case .refused: return .status(503)
            case .redirect: return .status(307, [("Location", "http://169.254.169.254/")])
            }
        }
        let bytes = try await rig.client.document(
            sample.descriptor, in: repository("r.example/a"), limit: 1 << 20, credential: credential)
        #expect(bytes == sample.bytes && rig.clock.waits.isEmpty)
        #expect(rig.shown.allSatisfy { $0 == nil })
        #expect(rig.requests(to: "https://r.example/").count == 1)
    }

    @Test func `that breaks off in a blob leaves its bytes to the registry`() async throws {
        let blob = Sample.blob(100_000)
        let rig = Rig(hosts: [host("https://m.example")]) { request, number in
            let reply = request.offset == 0 ? blob.reply() : blob.part(from: request.offset)
            if number == 0 { return reply.cut(after: 30_000) }
            return request.url.hasPrefix("https://m.example") ? .status(502) : reply
        }
        let receiver = Gathering()
        try await rig.client.blob(blob.descriptor, in: repository("r.example/a"), credential: nil, into: receiver)
        #expect(receiver.bytes == blob.bytes && receiver.restarts == 0)
        #expect(rig.http.requests.map(\.offset) == [0, 30_000, 30_000])
    }

    @Test func `that sends wrong bytes is not believed`() async throws {
        let blob = Sample.blob(100_000)
        let rig = Rig(hosts: [host("https://m.example")]) { request, _ in
            guard request.url.hasPrefix("https://m.example") else { return blob.reply() }
            return ScriptedReply(body: [UInt8](repeating: 7, count: 100_000))
        }
        let receiver = Gathering()
        try await rig.client.blob(blob.descriptor, in: repository("r.example/a"), credential: nil, into: receiver)
        #expect(receiver.bytes == blob.bytes && receiver.restarts == 1)
    }

    @Test func `with a section of its own is shown that section's credential`() async throws {
        let own = RegistryHost(name: "m.example", credential: .registryToken("own"))
        let rig = Rig(hosts: [host("https://m.example"), own]) { [sample] _, _ in sample.reply() }
        _ = try await rig.client.resolve(reference("r.example/a:1"), credential: credential)
        #expect(rig.shown == ["Bearer own"])
    }

    @Test func `is not what an error is about`() async throws {
        let rig = Rig(hosts: [host("https://m.example")]) { request, _ in
            request.url.hasPrefix("https://m.example") ? .status(500) : .status(404)
        }
        let error = await #expect(throws: RegistryError.self) {
            _ = try await rig.client.resolve(reference("r.example/a:1"), credential: nil)
        }
        #expect(
            error?.description
                == "manifest for r.example/a:1 not found: manifest unknown: manifest unknown (at r.example)")
        #expect(error?.host == "r.example")
    }
}
