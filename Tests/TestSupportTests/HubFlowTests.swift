import OCI
import TestSupport
import Testing

@Suite struct `A stand-in for Docker Hub` {
    @Test func `leads from a challenge to a token to a redirect to the blob`() async throws {
        let (hub, image) = try await hubWithImage { $0.tls = true }
        let url = hub.manifestURL("latest", of: "layerd/one")
        let refused = try await hub.curl(url)
        #expect(refused.status == 401)
        let scope = "scope=\"repository:layerd/one:pull\""
        #expect(
            refused.header("WWW-Authenticate")
                == "Bearer realm=\"\(hub.realm)\",service=\"registry.docker.io\",\(scope)")
        let token = try await hub.token(for: "layerd/one")
        let manifest = try await hub.curl(url, token: token)
        #expect(manifest.status == 200)
        #expect(manifest.body == (try image.document.source.readAll()))
        #expect(manifest.header("Docker-Content-Digest") == image.digest.description)
        #expect(manifest.header("Content-Type") == MediaType.ociManifest.text)
        let layer = try #require(image.blobs.last)
        let redirect = try await hub.curl(hub.blobURL(layer.digest, of: "layerd/one"), token: token)
        #expect(redirect.status == 307)
        let location = try #require(redirect.header("Location"))
        #expect(location.hasPrefix("https://production.cloudfront.docker.com:\(hub.port)/"))
        let blob = try await hub.curl(location)
        #expect(blob.status == 200)
        #expect(blob.body == (try layer.source.readAll()))
        await hub.stop()
    }

    @Test func `refuses an Authorization header at the CDN`() async throws {
        let (hub, image) = try await hubWithImage()
        let token = try await hub.token(for: "layerd/one")
        let redirect = try await hub.curl(hub.blobURL(image.blobs[0].digest, of: "layerd/one"), token: token)
        let answer = try await hub.curl(try #require(redirect.header("Location")), token: token)
        #expect(answer.status == 400)
        #expect(answer.text.contains("<Code>InvalidArgument</Code>"))
        await hub.stop()
    }

    @Test func `refuses a signed URL that is too old, and one that is forged`() async throws {
        let (hub, image) = try await hubWithImage()
        let token = try await hub.token(for: "layerd/one")
        let redirect = try await hub.curl(hub.blobURL(image.blobs[0].digest, of: "layerd/one"), token: token)
        let location = try #require(redirect.header("Location"))
        let forged = try await hub.curl(String(location.replacing("Signature=", with: "Signature=0")))
        #expect(forged.status == 403)
        #expect(forged.text.contains("SignatureDoesNotMatch"))
        hub.advance(by: .seconds(1201))
        let expired = try await hub.curl(location)
        #expect(expired.status == 403)
        #expect(expired.text.contains("Request has expired"))
        await hub.stop()
    }

    @Test(arguments: [
        ("bytes=500-1499", 206, 500..<1500), ("bytes=500-", 206, 500..<2048), ("bytes=-500", 206, 1548..<2048),
        ("bytes=2000-5000", 206, 2000..<2048), ("bytes=500-0", 416, 0..<0), ("bytes=5000-10000", 416, 0..<0),
        ("bytes=0-1,5-6", 200, 0..<2048),
    ])
    func `honours ranges`(range: String, status: Int, expected: Range<Int>) async throws {
        let hub = try await HubStandIn.start(.plainLoopback)
        let blob = GeneratedSource(seed: 7, size: 2048)
        let digest = try Digest(parsing: "sha256:" + String(repeating: "7", count: 64))
        hub.content.add(blob, digest: digest, to: "layerd/range")
        let token = try await hub.token(for: "layerd/range")
        let redirect = try await hub.curl(hub.blobURL(digest, of: "layerd/range"), token: token)
        let answer = try await hub.curl(try #require(redirect.header("Location")), ["-H", "Range: \(range)"])
        #expect(answer.status == status)
        #expect(answer.body == Array(try blob.readAll()[expected]))
        let place = "bytes \(expected.lowerBound)-\(expected.upperBound - 1)/2048"
        #expect(answer.header("Content-Range") == (status == 206 ? place : status == 416 ? "bytes */2048" : nil))
        await hub.stop()
    }

    @Test func `counts manifest GETs and not HEADs against the allowance`() async throws {
        let (hub, _) = try await hubWithImage { $0.allowance = HubAllowance(anonymous: 1) }
        let token = try await hub.token(for: "layerd/one")
        let url = hub.manifestURL("latest", of: "layerd/one")
        let head = try await hub.curl(url, token: token, ["--head"])
        #expect(head.header("ratelimit-remaining") == "1;w=21600")
        let first = try await hub.curl(url, token: token)
        #expect(first.status == 200)
        #expect(first.header("ratelimit-limit") == "1;w=21600")
        #expect(first.header("ratelimit-remaining") == "0;w=21600")
        let second = try await hub.curl(url, token: token)
        #expect(second.status == 429)
        #expect(second.json?["errors"]?.array?.first?["code"]?.string == "TOOMANYREQUESTS")
        #expect(try await hub.curl(url, token: token, ["--head"]).status == 200)
        #expect(hub.pullsUsed() == 1)
        await hub.stop()
    }

    @Test func `knows tokens by their scope and their age`() async throws {
        let (hub, image) = try await hubWithImage()
        hub.content.add(image, to: "layerd/two")
        let url = hub.manifestURL("latest", of: "layerd/two")
        let other = try await hub.curl(url, token: try await hub.token(for: "layerd/one"))
        #expect(other.status == 401)
        #expect(other.header("WWW-Authenticate")?.hasSuffix(",error=\"insufficient_scope\"") == true)
        let token = try await hub.token(for: "layerd/two")
        #expect(try await hub.curl(url, token: token).status == 200)
        hub.advance(by: .seconds(301))
        let old = try await hub.curl(url, token: token)
        #expect(old.status == 401)
        #expect(old.header("WWW-Authenticate")?.hasSuffix(",error=\"invalid_token\"") == true)
        await hub.stop()
    }

    @Test func `keeps a private repository to its accounts`() async throws {
        let (hub, _) = try await hubWithImage { $0.accounts = ["ada": "secret"] }
        hub.content.restrict("layerd/one", to: ["ada"])
        let url = hub.manifestURL("latest", of: "layerd/one")
        #expect(try await hub.curl(url, token: try await hub.token(for: "layerd/one")).status == 401)
        let token = try await hub.token(for: "layerd/one", ["-u", "ada:secret"])
        let answer = try await hub.curl(url, token: token)
        #expect(answer.status == 200)
        #expect(answer.header("docker-ratelimit-source") == "ada")
        #expect(try await hub.curl("\(hub.realm)?scope=x", ["-u", "ada:wrong"]).status == 401)
        let form = "grant_type=password&username=ada&password=secret&scope=repository%3Alayerd%2Fone%3Apull"
        let posted = try await hub.curl(hub.realm, ["-d", form + "&access_type=offline&client_id=x"])
        let identity = try #require(posted.json?["refresh_token"]?.string)
        let again = "grant_type=refresh_token&refresh_token=\(identity)&scope=repository%3Alayerd%2Fone%3Apull"
        let refreshed = try #require(try await hub.curl(hub.realm, ["-d", again]).json?["access_token"]?.string)
        #expect(try await hub.curl(url, token: refreshed).status == 200)
        await hub.stop()
    }

    @Test func `pages tags and links to the next page`() async throws {
        let (hub, image) = try await hubWithImage()
        hub.content.add(image, to: "layerd/one", tags: ["1.0", "1.1", "2.0"])
        let token = try await hub.token(for: "layerd/one")
        var url = "\(hub.endpoint)/v2/layerd/one/tags/list?n=3"
        var tags: [String] = []
        while !url.isEmpty {
            let page = try await hub.curl(url, token: token)
            tags += page.json?["tags"]?.array?.compactMap(\.string) ?? []
            let next = page.header("Link")?.split(separator: ">").first?.dropFirst()
            url = next.map(String.init) ?? ""
        }
        #expect(tags == ["1.0", "1.1", "2.0", "latest"])
        #expect(hub.log.count(.tags) == 2)
        await hub.stop()
    }

    @Test func `says in JSON what it does not have`() async throws {
        let (hub, _) = try await hubWithImage()
        let token = try await hub.token(for: "layerd/one")
        let code = { (url: String) in
            let answer = try await hub.curl(url, token: token)
            return "\(answer.status) \(answer.json?["errors"]?.array?.first?["code"]?.string ?? "")"
        }
        let absent = try Digest(parsing: "sha256:" + String(repeating: "0", count: 64))
        #expect(try await code(hub.manifestURL("nope", of: "layerd/one")) == "404 MANIFEST_UNKNOWN")
        #expect(try await code(hub.manifestURL("\(absent)", of: "layerd/one")) == "404 MANIFEST_UNKNOWN")
        #expect(try await code(hub.blobURL(absent, of: "layerd/one")) == "404 BLOB_UNKNOWN")
        #expect(try await code(hub.manifestURL("latest", of: "layerd/none")) == "401 UNAUTHORIZED")
        await hub.stop()
    }

    @Test func `heeds Accept in one line and in several`() async throws {
        let (hub, _) = try await hubWithImage()
        let token = try await hub.token(for: "layerd/one")
        let url = hub.manifestURL("latest", of: "layerd/one")
        let docker = "Accept: \(MediaType.dockerManifest)"
        let oci = "Accept: \(MediaType.ociManifest)"
        #expect(try await hub.curl(url, token: token, ["-H", docker]).status == 404)
        #expect(try await hub.curl(url, token: token, ["-H", docker, "-H", oci]).status == 200)
        let line = "\(docker), \(MediaType.ociManifest);q=0.5"
        #expect(try await hub.curl(url, token: token, ["-H", line]).status == 200)
        await hub.stop()
    }

    @Test func `logs what was asked and what was sent`() async throws {
        let (hub, image) = try await hubWithImage()
        let token = try await hub.token(for: "layerd/one")
        let layer = image.blobs[1]
        let answer = try await hub.curl(
            hub.blobURL(layer.digest, of: "layerd/one"), token: token, ["-L", "-H", "Range: bytes=10-19"])
        #expect(answer.body.count == 10)
        #expect(hub.log.count(.blob, digest: layer.digest, status: 307) == 1)
        try await hub.log.wait { $0.records.allSatisfy(\.isFinished) }
        let sent = try #require(hub.log.records.last)
        #expect(sent.kind == .cdn)
        #expect(sent.host == "production.cloudfront.docker.com")
        #expect(sent.range == "bytes=10-19")
        #expect(!sent.hadAuthorization)
        #expect(sent.status == 206)
        #expect(hub.log.bytesSent(.cdn) == 10)
        await hub.stop()
    }

    @Test func `can go offline and come back at its port`() async throws {
        let (hub, _) = try await hubWithImage()
        await hub.goOffline()
        #expect(try await hub.curl("\(hub.endpoint)/v2/").exit == 7)
        try await hub.goOnline()
        #expect(try await hub.curl("\(hub.endpoint)/v2/").status == 401)
        await hub.stop()
    }
}
