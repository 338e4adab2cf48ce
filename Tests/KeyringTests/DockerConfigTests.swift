import OCI
import TestSupport
import Testing

@testable import Keyring

private let annAuth = Base64.encode(Array("ann:p:w\0\0".utf8))

@Suite struct `Docker's configuration` {
    static let kept: [(text: String, registry: String, keeper: String)] = [
        ("{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"\(annAuth)\"}}}", "docker.io", "ann p:w"),
        ("{\"auths\":{\"docker.io\":{\"auth\":\"\(annAuth)\"}}}", "docker.io", "ann p:w"),
        ("{\"auths\":{\"r.example:5000\":{\"auth\":\"\(annAuth)\"}}}", "r.example:5000", "ann p:w"),
        ("{\"auths\":{\"https://r.example/v2/\":{\"auth\":\"\(annAuth)\"}}}", "r.example", "ann p:w"),
        ("{\"auths\":{\"r.example\":{\"auth\":\"\(annAuth)\"}}}", "r.example:5000", "nobody"),
        ("{\"auths\":{\"r.example\":{\"username\":\"ann\",\"password\":\"pw\"}}}", "r.example", "ann pw"),
        ("{\"auths\":{\"r.example\":{\"auth\":\"\(annAuth)\",\"identitytoken\":\"it\"}}}", "r.example", "identity it"),
        ("{\"auths\":{\"r.example\":{\"registrytoken\":\"rt\"}}}", "r.example", "registry rt"),
        ("{\"auths\":{\"r.example\":{}}}", "r.example", "nobody"), ("{\"auths\":null}", "r.example", "nobody"),
        ("{}", "r.example", "nobody"),
        ("{\"credsStore\":\"pass\",\"auths\":{\"r.example\":{}}}", "r.example", "docker-credential-pass"),
        (
            "{\"credsStore\":\"pass\",\"credHelpers\":{\"https://index.docker.io/v1/\":\"hub\"}}", "docker.io",
            "docker-credential-hub"
        ),
        ("{\"credHelpers\":{\"a.example\":\"ecr-login\"}}", "r.example", "nobody"),
        ("{\"credHelpers\":{\"r.example\":\"ecr-login\"}}", "r.example", "docker-credential-ecr-login"),
    ]

    @Test(arguments: kept)
    func `says who keeps a login`(text: String, registry: String, keeper: String) throws {
        let found = try DockerConfig(Array(text.utf8), path: "c").keeper(of: registry, path: "c")
        let shown =
            switch found {
            case .nobody: "nobody"
            case .helper(let helper): helper.program
            case .file(.password(let name, let password)): "\(name) \(password)"
            case .file(.identityToken(let token, _)): "identity \(token)"
            case .file(.registryToken(let token)): "registry \(token)"
            }
        #expect(shown == keeper)
    }

    @Test(arguments: [
        ("{", "is not docker's configuration: no valid JSON at byte 1"),
        ("[]", "is not docker's configuration: no JSON object"),
        ("{\"auths\":7}", "has no object under auths"),
        ("{\"auths\":{\"r.example\":{\"auth\":\"canary\"}}}", "has an auth for r.example that is not the base64 of"),
        ("{\"auths\":{\"r.example\":{\"auth\":\"OnB3\"}}}", "has an auth for r.example that is not the base64 of"),
        ("{\"auths\":{},\"auths\":{\"r.example\":{}}}", "is not docker's configuration: no valid JSON at byte"),
        ("{\"credHelpers\":{\"r.example\":7}}", "names no program for r.example in credHelpers"),
        ("{\"credHelpers\":{\"r.example\":\"../../bin/sh\"}}", "cannot be called: its name may hold letters"),
    ])
    func `that is malformed is one clear error, which quotes nothing`(text: String, reason: String) async throws {
        let file = try await SomeFile(text)
        let error = #expect(throws: KeyringError.self) {
            try DockerConfig.load(SecretFile(file.path))?.keeper(of: "r.example", path: file.path)
        }
        let sentence = try #require(error?.description)
        #expect(sentence.contains(reason) && !sentence.contains("canary"), "\(sentence)")
    }

    @Test func `is written as docker writes it, and the rest of it stays`() async throws {
        let file = try await SomeFile("{\"psFormat\":\"a<b\",\"auths\":{\"x.example\":{}},\"n\":{}}", mode: "640")
        try DockerConfig.store(.password(username: "ann", password: "pw"), for: "r.example", in: file.path)
        try DockerConfig.store(.identityToken("it", username: "ann"), for: "x.example", in: file.path)
        #expect(
            String(decoding: try Files.read(file.path), as: UTF8.self) == """
                {
                \t"psFormat": "a\\u003cb",
                \t"auths": {
                \t\t"x.example": {
                \t\t\t"auth": "YW5uOg==",
                \t\t\t"identitytoken": "it"
                \t\t},
                \t\t"r.example": {
                \t\t\t"auth": "YW5uOnB3"
                \t\t}
                \t},
                \t"n": {}
                }
                """)
        #expect(try await runChecked("stat", ["-c", "%a", file.path]).output == "640\n")
        #expect(try Files.list(file.directory.path) == ["secret"])
    }

    @Test func `is made for its owner alone, behind a link too, and left alone when it is no JSON`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("docker/config.json")
        try DockerConfig.store(.password(username: "ann", password: "pw"), for: "r.example", in: path)
        #expect(try await runChecked("stat", ["-c", "%a", path]).output == "600\n")
        try await runChecked("ln", ["-s", path, directory.path("link")])
        try DockerConfig.store(nil, for: "r.example", in: directory.path("link"))
        #expect(try JSON(parsing: Files.read(path)) == ["auths": ["r.example": [:]]])
        #expect(try await runChecked("stat", ["-c", "%F", directory.path("link")]).output == "symbolic link\n")
        try Files.write("{ not", to: path)
        #expect(throws: KeyringError.self) { try DockerConfig.store(nil, for: "r.example", in: path) }
        #expect(try Files.read(path) == Array("{ not".utf8))
    }

    @Test(arguments: [
        ("", "docker.io"), ("https://index.docker.io/v1/", "docker.io"), ("registry-1.docker.io", "docker.io"),
        ("http://r.example:5000/v2/", "r.example:5000"), ("r.example", "r.example"),
    ])
    func `has a key for each registry`(server: String, registry: String) {
        #expect(LoginServer.registry(of: server) == registry)
        #expect(LoginServer.key(of: registry) == (registry == "docker.io" ? LoginServer.hub : registry))
    }

    @Test func `hands logins to a daemon as docker's clients do`() {
        let login = Login.password(username: "ann", password: "p:w?>~")
        let json = "{\"username\":\"ann\",\"password\":\"p:w?>~\",\"serveraddress\":\"r\"}"
        let base64 = Base64.encode(Array(json.utf8)).map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
        #expect(login.registryAuth(server: "r") == String(base64))
        var dumped = ""
        dump([login, .identityToken("p:w", username: ""), .registryToken("p:w")], to: &dumped)
        #expect(!dumped.contains("p:w") && !"\(login)".contains("p:w"))
    }
}
