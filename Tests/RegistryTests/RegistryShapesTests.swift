import OCI
import Registry
import TestSupport
import Testing
import Transport

/// How one registry of the world asks for proof and gives its tokens, and what we must show and ask for.
struct RegistryShape: CustomTestStringConvertible, Sendable {
    var name: String
    var registry: String
    var challenge: String
    var credential: Credential?
    var token = "{\"token\":\"t\"}"
    /// Method, URL, `Authorization` and body of the token request; `nil` where there is none.
    var asks: String?
    var shows = "Bearer t"

    var testDescription: String { name }

    static let all: [RegistryShape] = [
        RegistryShape(
            name: "Docker Hub", registry: "docker.io",
            challenge: "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
                + "scope=\"repository:library/a:pull\"",
            token: "{\"token\":\"t\",\"access_token\":\"t\",\"expires_in\":300,\"issued_at\":\"2025-05-01T12:00:00Z\"}",
            asks: "GET https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Fa%3Apull"),
        RegistryShape(
            name: "GHCR", registry: "ghcr.io",
            challenge: "Bearer realm=\"https://ghcr.io/token\",service=\"ghcr.io\",scope=\"repository:o/a:pull\"",
            asks: "GET https://ghcr.io/token?service=ghcr.io&scope=repository%3Ao%2Fa%3Apull"),
        RegistryShape(
            name: "GCR", registry: "gcr.io", challenge: "Bearer realm=\"https://gcr.io/v2/token\",service=\"gcr.io\"",
            credential: .basic(username: "_json_key", password: "{\n\"k\": \"a:b\"\n}"),
            token: "{\"expires_in\":43200,\"issued_at\":\"2017-01-18T09:20:28Z\",\"token\":\"t\"}",
            asks: "GET https://gcr.io/v2/token?service=gcr.io&scope=repository%3Ao%2Fa%3Apull&account=_json_key "
                + "Basic X2pzb25fa2V5OnsKImsiOiAiYTpiIgp9"),
        RegistryShape(
            name: "Quay, long ago", registry: "quay.io",
            challenge: "Bearer realm=\"https://quay.io/v2/auth\",service=\"quay.io\",scope=repository:o/a:pull",
            asks: "GET https://quay.io/v2/auth?service=quay.io&scope=repository%3Ao%2Fa%3Apull"),
        RegistryShape(
            name: "GitLab", registry: "registry.gitlab.com",
            challenge: "Bearer realm=\"https://gitlab.com/jwt/auth\",service=\"container_registry\","
                + "scope=\"repository:o/a:pull\",error=\"invalid_token\"",
            asks: "GET https://gitlab.com/jwt/auth?service=container_registry&scope=repository%3Ao%2Fa%3Apull"),
        RegistryShape(
            name: "Harbor, robot", registry: "harbor.example",
            challenge: "Bearer realm=\"https://harbor.example/service/token\",service=\"harbor-registry\"",
            credential: .basic(username: "robot$p+x", password: "s"),
            asks: "GET https://harbor.example/service/token?service=harbor-registry&scope=repository%3Ao%2Fa%3Apull"
                + "&account=robot%24p%2Bx Basic cm9ib3QkcCt4OnM="),
        RegistryShape(
            name: "ACR, identity token", registry: "my.azurecr.io",
            challenge: "Bearer realm=\"https://my.azurecr.io/oauth2/token\",service=\"my.azurecr.io\"",
            credential: .identityToken("rt"), token: "{\"access_token\":\"t\"}",
            asks: "POST https://my.azurecr.io/oauth2/token grant_type=refresh_token&client_id=layerd"
                + "&service=my.azurecr.io&scope=repository%3Ao%2Fa%3Apull&refresh_token=rt"),
        RegistryShape(
            name: "ECR Public", registry: "public.ecr.aws",
            challenge: "Bearer realm=\"https://public.ecr.aws/token/\",service=\"public.ecr.aws\",scope=\"aws\"",
            asks: "GET https://public.ecr.aws/token/?service=public.ecr.aws&scope=aws"),
        RegistryShape(
            name: "ECR", registry: "1.dkr.ecr.eu-central-1.amazonaws.com",
            challenge: "Basic realm=\"https://1.dkr.ecr.eu-central-1.amazonaws.com/\",service=\"ecr.amazonaws.com\"",
            credential: .basic(username: "AWS", password: "p"), shows: "Basic QVdTOnA="),
        RegistryShape(
            name: "Artifactory", registry: "my.jfrog.io", challenge: "Basic realm=\"Artifactory Realm\"",
            credential: .basic(username: "ann", password: "p"), shows: "Basic YW5uOnA="),
        RegistryShape(
            name: "Artifactory, tokens", registry: "my.jfrog.io",
            challenge: "Bearer realm=\"https://my.jfrog.io/artifactory/api/docker/d/v2/token\",service=\"my.jfrog.io\"",
            token: "{\"token\":\"t\",\"expires_in\":3600}",
            asks: "GET https://my.jfrog.io/artifactory/api/docker/d/v2/token?service=my.jfrog.io"
                + "&scope=repository%3Ao%2Fa%3Apull"),
    ]
}

@Suite struct `A registry of the world` {
    @Test(arguments: RegistryShape.all)
    func `is shown what it wants to see`(shape: RegistryShape) async throws {
        let rig = Rig(hosts: [RegistryHost(name: "docker.io")]) { request, _ in
            if request.url.contains("/token") || request.url.contains("/auth?") || request.url.contains("/jwt/") {
                return .token(shape.token)
            }
            return request.headers.first("Authorization") == shape.shows
                ? Sample.manifest().reply() : .challenge(shape.challenge)
        }
        let name = shape.registry == "docker.io" ? "a" : "\(shape.registry)/o/a"
        _ = try await rig.client.resolve(reference(name), credential: shape.credential)
        #expect(rig.shown.first == .some(nil) && rig.shown.last == shape.shows)
        let asked = rig.http.requests.dropFirst().dropLast().map { request in
            let body = request.body.map { " " + String(decoding: $0, as: UTF8.self) } ?? ""
            let shown = request.headers.first("Authorization").map { " " + $0 } ?? ""
            return "\(request.method.text) \(request.url)\(shown)\(body)"
        }
        #expect(Array(asked) == (shape.asks.map { [$0] } ?? []))
    }

    /// Whatever was captured of challenges leads to a token server of the registry's own, or to Basic.
    @Test(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
    func `is understood as it was captured`() throws {
        var count = 0
        for exchange in try CorpusFiles.json("corpus/public/http/exchanges.json").array ?? [] {
            let lines = (exchange["headers"]?.array ?? []).filter { header in
                strings(header).first?.lowercased() == "www-authenticate"
            }
            guard !lines.isEmpty else { continue }
            count += 1
            let challenges = Challenge.parse(lines.compactMap { strings($0).last })
            let found = challenges.contains { $0.scheme == "basic" || $0.parameters["realm"] != nil }
            #expect(found, "\(exchange["name"]?.string ?? "")")
        }
        #expect(count >= 5)
    }
}
