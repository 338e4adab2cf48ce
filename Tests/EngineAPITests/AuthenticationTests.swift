import Hashing
import OCI
import Registry
import Testing

private let json = [("Content-Type", "application/json")]

@Suite struct `A login over the Engine API` {
    @Test(arguments: [
        (
            "{\"username\":\"u\",\"password\":\"p:w\",\"serveraddress\":\"localhost:5000\"}\n", "localhost:5000",
            Credential.basic(username: "u", password: "p:w")
        ),
        ("{\"identitytoken\":\"it\",\"username\":\"u\"}", "", .identityToken("it")), ("{}", "", .anonymous),
    ])
    func `is checked at its registry`(body: String, server: String, credential: Credential) async throws {
        for token in [nil, "tok123"] {
            let registry = ScriptedRegistry(.init(identityToken: token))
            let fixture = try await EngineFixture(registry: registry)
            let answer = try await fixture.ask("POST", "/v1.50/auth", headers: json, body: body)
            #expect(answer.status == 200)
            #expect(answer.text == "{\"IdentityToken\":\"\(token ?? "")\",\"Status\":\"Login Succeeded\"}\n")
            let logins = await registry.logins
            #expect(logins.map(\.server) == [server] && logins.map(\.credential) == [credential])
        }
    }

    @Test(arguments: [
        (
            LoginError.Reason.refused("incorrect username or password"), 401,
            "Get \"https://r.example/v2/\": unauthorized: incorrect username or password"
        ),
        (.failed(status: 401), 500, "login attempt to https://r.example/v2/ failed with status: 401 Unauthorized"),
        (
            .noRegistry("a b"), 400, "unable to parse server address: \"a b\" is no registry's host name"
        ),
        (.unreachable("no route", .unavailable(retryAfter: nil)), 500, "Get \"https://r.example/v2/\": no route"),
    ])
    func `that is refused is so in dockerd's words`(reason: LoginError.Reason, status: Int, message: String)
        async throws
    {
        let error = LoginError(address: "https://r.example/v2/", reason: reason)
        let fixture = try await EngineFixture(registry: ScriptedRegistry(.init(refusal: error)))
        let answer = try await fixture.ask("POST", "/auth", headers: json, body: "{\"username\":\"u\"}")
        #expect(answer.status == status)
        #expect(try answer.message == message)
    }

    @Test(arguments: [
        ([("Content-Type", "text/plain")], "{}", "unsupported Content-Type header (text/plain): must be"),
        ([], "{}", "unsupported Content-Type header (): must be"),
        (json, "{\"password\":\"canary\"", "invalid JSON at byte 20"), (json, "", "invalid JSON at byte 0"),
    ])
    func `that cannot be read is a bad request, and not quoted`(
        headers: [(String, String)], body: String, message: String
    ) async throws {
        let fixture = try await EngineFixture()
        let answer = try await fixture.ask("POST", "/auth", headers: headers, body: body)
        #expect(answer.status == 400)
        #expect(try #require(try answer.message).hasPrefix(message), "\(answer.text)")
        #expect(!answer.text.contains("canary"))
    }
}

@Suite struct `What a registry distributes` {
    private static func descriptor(_ text: String, _ type: MediaType) -> Descriptor {
        Descriptor(mediaType: type, digest: .sha256(of: Array(text.utf8)), size: Int64(text.utf8.count))
    }

    @Test func `is told of an index, with the platforms it names`() async throws {
        let child = Self.descriptor("x", .ociManifest)
        let text = """
            {"schemaVersion":2,"mediaType":"\(MediaType.ociIndex)","manifests":[\
            {"mediaType":"\(MediaType.ociManifest)","digest":"\(child.digest)","size":1,\
            "platform":{"os":"linux","architecture":"amd64"}},\
            {"mediaType":"\(MediaType.ociManifest)","digest":"\(child.digest)","size":1,\
            "platform":{"architecture":"arm64","os":"linux","variant":"v8"}},\
            {"mediaType":"\(MediaType.ociManifest)","digest":"\(child.digest)","size":1,\
            "platform":{"architecture":"unknown","os":"unknown"}}]}
            """
        let index = Self.descriptor(text, .ociIndex)
        let registry = ScriptedRegistry(.init(target: index, documents: [index.digest: Array(text.utf8)]))
        let fixture = try await EngineFixture(registry: registry)
        let header = [("X-Registry-Auth", "eyJyZWdpc3RyeXRva2VuIjoiciJ9")]
        let answer = try await fixture.ask("GET", "/v1.50/distribution/127.0.0.1:5055/multi:1/json", headers: header)
        #expect(
            answer.text == """
                {"Descriptor":{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"\(index.digest)",\
                "size":\(index.size)},"Platforms":[{"architecture":"amd64","os":"linux"},\
                {"architecture":"arm64","os":"linux","variant":"v8"},{"architecture":"unknown","os":"unknown"}]}\n
                """)
        let asked = await registry.asked
        #expect(asked.map(\.reference.description) == ["127.0.0.1:5055/multi:1"])
        #expect(asked.map(\.credential) == [.registryToken("r")])
    }

    @Test(arguments: [
        (MediaType.dockerManifest, "[{\"architecture\":\"arm\",\"os\":\"linux\",\"variant\":\"v7\"}]"),
        (.ociManifest, "null"),
    ])
    func `is told of a manifest as dockerd tells it`(type: MediaType, platforms: String) async throws {
        let config = "{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\",\"rootfs\":{}}"
        let configured = Self.descriptor(config, type == .ociManifest ? .ociConfig : .dockerConfig)
        let text = """
            {"schemaVersion":2,"mediaType":"\(type)","config":{"mediaType":"\(configured.mediaType)",\
            "digest":"\(configured.digest)","size":\(configured.size)},"layers":[]}
            """
        let manifest = Self.descriptor(text, type)
        let documents = [manifest.digest: Array(text.utf8), configured.digest: Array(config.utf8)]
        let fixture = try await EngineFixture(registry: ScriptedRegistry(.init(target: manifest, documents: documents)))
        let answer = try await fixture.get("/distribution/shop/json")
        #expect(answer.text.hasSuffix(",\"Platforms\":\(platforms)}\n"), "\(answer.text)")
    }

    @Test(arguments: [
        (String(repeating: "a", count: 64), 500, "no manifest found for full image ID"),
        ("UPPER", 400, "invalid reference format: \"UPPER\": repository name must be lowercase"),
        ("nope", 404, "nothing there"),
    ])
    func `cannot be told of everything`(name: String, status: Int, message: String) async throws {
        let answer = try await EngineFixture().get("/distribution/\(name)/json")
        #expect(answer.status == status)
        #expect(try answer.message == message)
    }
}
