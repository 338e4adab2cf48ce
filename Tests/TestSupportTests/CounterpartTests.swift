import FoundationEssentials
import Hashing
import OCI
import TestSupport
import Testing

@Suite struct `A layout of the corpus` {
    @Test(.enabled(if: corpus != nil, "there is no corpus on this machine"))
    func `is served bit for bit`() async throws {
        let corpus = try #require(corpus)
        var options = HubOptions.plainLoopback
        options.authentication = .open
        options.allowance = nil
        let hub = try await HubStandIn.start(options)
        // One is no layout, and one's index.json is broken on purpose.
        let names = try Files.list("\(corpus)/layouts").filter { name in
            let index = "\(corpus)/layouts/\(name)/index.json"
            guard Files.size(index) != nil else { return false }
            return (try? JSON(parsing: Files.read(index)))?["manifests"]?.array != nil
        }
        try #require(names.count > 40)
        for name in names {
            let directory = "\(corpus)/layouts/\(name)"
            for tag in try hub.content.addLayout(directory, to: "corpus/\(name)") {
                guard let digest = hub.content.digest(of: tag, in: "corpus/\(name)") else { continue }
                let answer = try await hub.curl(hub.manifestURL(tag, of: "corpus/\(name)"))
                let file = "\(directory)/blobs/sha256/\(digest.hex)"
                let truth = Files.size(file) == nil ? "\(directory)/index.json" : file
                #expect(answer.status == 200, "\(name):\(tag)")
                #expect(answer.body == (try Files.read(truth)), "\(name):\(tag)")
                #expect(answer.header("Docker-Content-Digest") == digest.description)
            }
            let blobs = FileManager.default.fileExists(atPath: "\(directory)/blobs/sha256")
            guard blobs, let hex = try Files.list("\(directory)/blobs/sha256").last else { continue }
            let digest = try Digest(parsing: "sha256:\(hex)")
            let blob = try await hub.curl(hub.blobURL(digest, of: "corpus/\(name)"), ["-L"])
            #expect(blob.body == (try Files.read("\(directory)/blobs/sha256/\(hex)")), "\(name) \(hex)")
        }
        #expect(hub.log.all.failures == [])
        await hub.stop()
    }
}

@Suite struct `A real client` {
    @Test(.enabled(if: which("skopeo") != nil, "skopeo is not installed"), arguments: [true, false])
    func `pulls a multi-platform image through token and redirect`(tls: Bool) async throws {
        let directory = try TemporaryDirectory()
        var options = HubOptions.plainLoopback
        options.tls = tls
        let hub = try await HubStandIn.start(options)
        let factory = ImageFactory()
        let image = try factory.multiPlatform { try factory.webPing(on: $0) }
        hub.content.add(image, to: "diamol/ch03-web-ping")
        var arguments = ["copy", "--insecure-policy", "--all", "docker://\(hub.host)/diamol/ch03-web-ping"]
        arguments += ["dir:\(directory.path("copy"))"]
        arguments += tls ? ["--src-cert-dir", directory.path("certs")] : ["--src-tls-verify=false"]
        try Files.makeDirectory(directory.path("certs"))
        if let ca = hub.caFile { try Files.write(Files.read(ca), to: directory.path("certs/ca.crt")) }
        try await runChecked("skopeo", arguments)
        #expect(Digest.sha256(of: try Files.read(directory.path("copy/manifest.json"))) == image.digest)
        for blob in image.blobs { #expect(hub.log.count(.cdn, digest: blob.digest, status: 200) == 1) }
        #expect(hub.pullsUsed() == image.documents.count)
        await hub.stop()
    }

    @Test(.enabled(if: which("openssl") != nil, "openssl is not installed"))
    func `has to show a certificate when one is required`() async throws {
        let (hub, _) = try await hubWithImage {
            $0.tls = true
            $0.requiresClientCertificate = true
        }
        #expect(try await hub.curl("\(hub.endpoint)/v2/").exit != 0)
        let identity = try #require(try await hub.authority?.client())
        let shown = ["--cert", identity.certificate, "--key", identity.key]
        #expect(try await hub.curl("\(hub.endpoint)/v2/", shown).status == 401)
        await hub.stop()
    }
}

@Suite(
    .enabled(
        if: DockerRegistry.executable != nil && which("skopeo") != nil, "docker-registry or skopeo is not installed"))
struct `A real registry` {
    @Test(arguments: [false, true])
    func `takes a generated image and gives it back`(tls: Bool) async throws {
        let directory = try TemporaryDirectory()
        let authority = try await CertificateAuthority(directory: directory.path("ca"))
        let registry = try await DockerRegistry.start(authority: tls ? authority : nil)
        let hub = try await HubStandIn.start(.plainLoopback)
        let factory = ImageFactory()
        let image = try factory.webPing(on: factory.baseShared(), format: .docker)
        hub.content.add(image, to: "layerd/one")
        try Files.makeDirectory(directory.path("certs"))
        try Files.write(Files.read(authority.caFile), to: directory.path("certs/ca.crt"))
        let trust = tls ? ["--dest-cert-dir", directory.path("certs")] : ["--dest-tls-verify=false"]
        let target = "docker://\(registry.host)/layerd/one:latest"
        let copy = ["copy", "--insecure-policy", "--preserve-digests", "--src-tls-verify=false"] + trust
        try await runChecked("skopeo", copy + ["docker://\(hub.host)/layerd/one", target])
        let seen = try await runChecked(
            "curl",
            ["-sS", "--noproxy", "*", "--cacert", authority.caFile]
                + ["-H", "Accept: \(image.target.mediaType)", "\(registry.endpoint)/v2/layerd/one/manifests/latest"])
        #expect(seen.stdout == (try image.document.source.readAll()))
        try await registry.stop()
        await hub.stop()
    }
}
