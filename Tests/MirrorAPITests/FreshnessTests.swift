import OCI
import TestSupport
import Testing

@testable import MirrorAPI
@testable import Pulling

@Suite struct `What the mirror knows of a tag` {
    private let factory = ImageFactory(seed: 13)

    private func images() throws -> (old: GeneratedImage, new: GeneratedImage) {
        let base = try factory.baseShared(.host)
        return (try factory.application("old", on: base), try factory.application("new", on: base))
    }

    @Test func `is believed for as long as it may be, then given and asked after`() async throws {
        try await withMirror { rig in
            let (old, new) = try images()
            rig.hub.content.add(old, to: "library/app")
            #expect(try await rig.pull("library/app", "latest", old) == [])
            rig.hub.content.add(new, to: "library/app")
            let target = "/v2/library/app/manifests/latest"
            rig.advance(by: .seconds(600))
            let fresh = try await rig.get(target)
            #expect(fresh.header("X-Layerd-Source") == "hit" && fresh.header("Age") == "600")
            rig.advance(by: .seconds(1))
            let heads = rig.hub.log.count(.manifest, method: "HEAD")
            let stale = try await rig.get(target)
            #expect(stale.header("X-Layerd-Source") == "stale" && stale.header("Age") == "601")
            #expect(stale.header("Docker-Content-Digest") == old.digest.description)
            let moved = try await eventually("the new image") {
                let answer = try await rig.get(target)
                return answer.header("Docker-Content-Digest") == new.digest.description ? answer : nil
            }
            #expect(moved.header("Age") == "0")
            #expect(rig.hub.log.count(.manifest, method: "HEAD") == heads + 1)
        }
    }

    @Test func `is believed as the longest pattern that fits says`() async throws {
        try await withMirror {
            $0.revalidateAfter = .seconds(1000)
            $0.patterns = [("a*", .seconds(5)), ("app", .seconds(50)), ("docker.io/o/*", .seconds(7))]
        } _: { rig in
            for (name, seconds) in [("app:latest", 50), ("apple:1", 5), ("o/r:1", 7), ("other", 1000)] {
                let reference = try Reference(parsing: name)
                #expect(rig.content.belief(in: reference) == .seconds(seconds), "\(name)")
            }
        }
    }

    @Test(arguments: [Trouble.offline, .status(503), .status(429), .tokens])
    func `is enough when its registry is in trouble, also after a restart`(trouble: Trouble) async throws {
        let first = try await MirrorRig()
        let image = try factory.multiPlatform([.host, .linuxARM64]) { try factory.webPing(on: $0) }
        first.hub.content.add(image, to: "library/app")
        #expect(try await first.pull("library/app", "latest", image) == [])
        _ = try await first.recorded("app")
        try await trouble.strike(first.hub)
        first.advance(by: .seconds(100_000))
        #expect(try await first.pull("library/app", "latest", image) == [])
        try await first.end(keepingHub: true)
        try await withMirror {
            $0.directory = first.directory
            $0.existingHub = first.hub
            $0.start = 1_900_000_000
        } _: { rig in
            #expect(try await rig.pull("library/app", "latest", image) == [])
            let answer = try await eventually("the word that the registry does not answer") {
                let answer = try await rig.get("/v2/library/app/manifests/latest")
                return answer.header("Warning") == nil ? nil : answer
            }
            #expect(answer.status == 200 && answer.header("X-Layerd-Source") == "stale")
            #expect(answer.header("Retry-After") == nil && answer.header("WWW-Authenticate") == nil)
        }
    }

    enum Trouble: Sendable {
        case offline, tokens
        case status(Int)

        func strike(_ hub: HubStandIn) async throws {
            switch self {
            case .offline: await hub.goOffline()
            case .tokens: hub.misbehave(on: .token, .always, .tokenFailure)
            case .status(let status):
                hub.misbehave(on: .any, .always, .status(status, headers: [("Retry-After", "3600")]))
            }
        }
    }

    @Test(arguments: [401, 403, 429, 500, 503])
    func `which is nothing, is never told by 401 or 429`(status: Int) async throws {
        try await withMirror { rig in
            let challenge = [("WWW-Authenticate", "Basic realm=\"hub\""), ("Retry-After", "3600")]
            rig.hub.misbehave(on: .any, .always, .status(status, headers: challenge))
            for path in [
                "manifests/latest", "manifests/sha256:\(String(repeating: "a", count: 64))",
                "blobs/sha256:\(String(repeating: "b", count: 64))",
            ] {
                for method in ["GET", "HEAD"] {
                    let answer = try await rig.ask(method, "/v2/library/app/\(path)")
                    #expect([404, 503].contains(answer.status), "\(method) \(path): \(answer.status)")
                    #expect(answer.header("Retry-After") == nil && answer.header("WWW-Authenticate") == nil)
                }
            }
        }
    }

    /// An image is many questions: a registry that keeps the first waiting in vain does not keep each.
    @Test func `is not waited for again and again`() async throws {
        try await withMirror {
            ($0.patience.document, $0.patience.blob) = (.milliseconds(50), .seconds(60))
            $0.patience.silence = .milliseconds(1)
        } _: { rig in
            let gate = TestSupport.Gate()
            rig.hub.misbehave(on: .any, .always, .hold(gate))
            let began = ContinuousClock.now
            let blob = "blobs/sha256:\(String(repeating: "b", count: 64))"
            for path in ["manifests/latest", blob] {
                let answer = try await rig.get("/v2/library/app/\(path)")
                #expect(answer.status == 503, "\(path): \(answer.status)")
            }
            gate.open()
            #expect(ContinuousClock.now - began < .seconds(40))
        }
    }

    @Test func `which is nothing, is remembered for a moment`() async throws {
        try await withMirror {
            $0.patience.absence = .seconds(60)
        } _: { rig in
            for _ in 0..<50 {
                let answer = try await rig.get("/v2/library/none/manifests/latest")
                #expect(answer.status == 404)
            }
            #expect(rig.hub.log.count(.manifest) <= 2)
        }
    }

    @Test func `ends when the registry says that there is no such tag any more`() async throws {
        try await withMirror { rig in
            let (old, _) = try images()
            rig.hub.content.add(old, to: "library/app")
            #expect(try await rig.pull("library/app", "latest", old) == [])
            rig.hub.content.setTag("latest", of: "library/app", to: nil)
            rig.advance(by: .seconds(601))
            _ = try await eventually("404") {
                try await rig.get("/v2/library/app/manifests/latest").status == 404 ? true : nil
            }
            #expect(try await rig.get("/v2/library/app/manifests/\(old.digest)").status == 200)
        }
    }
}

@Suite struct `The mirror's lists` {
    @Test func `of tags come in pages, and from what is known when the registry is away`() async throws {
        try await withMirror { rig in
            let image = try ImageFactory(seed: 14).application("a", on: ImageFactory(seed: 14).baseShared(.host))
            rig.hub.content.add(image, to: "library/app", tags: ["b", "a", "c", "d"])
            let tags = { (query: String) in
                try await rig.get("/v2/library/app/tags/list\(query)").json["tags"]?.array?.compactMap(\.string) ?? []
            }
            #expect(try await tags("") == ["a", "b", "c", "d"])
            #expect(try await tags("?n=2") == ["a", "b"])
            #expect(try await tags("?n=2&last=b") == ["c", "d"])
            #expect(try await tags("?last=c") == ["d"])
            #expect(try await tags("?n=0") == [])
            let page = try await rig.get("/v2/library/app/tags/list?n=2")
            #expect(page.header("Link") == "</v2/library/app/tags/list?n=2&last=b>; rel=\"next\"")
            #expect(try await rig.get("/v2/library/app/tags/list?n=2&last=b").header("Link") == nil)
            #expect(try await rig.get("/v2/library/app/tags/list?n=x").status == 400)
            await rig.hub.goOffline()
            #expect(try await tags("") == ["a", "b", "c", "d"])
            #expect(try await rig.get("/v2/library/unknown/tags/list").status == 503)
        }
    }

    @Test func `of referrers are always an index`() async throws {
        try await withMirror { rig in
            let digest = "sha256:\(String(repeating: "a", count: 64))"
            let answer = try await rig.get("/v2/library/app/referrers/\(digest)?artifactType=a/b")
            #expect(answer.status == 200)
            #expect(answer.header("Content-Type") == MediaType.ociIndex.text)
            #expect(answer.header("OCI-Filters-Applied") == "artifactType")
            #expect(try answer.json["manifests"]?.array?.isEmpty == true)
            #expect(try await rig.get("/v2/library/app/referrers/sha256:x").status == 400)
        }
    }

    /// GHCR answers a question for them with 303 to a page elsewhere.
    @Test func `of referrers are not looked for at another site`() async throws {
        try await withMirror { rig in
            let other = try ScriptedServer(
                ScriptedReply(body: Array(#"{"schemaVersion":2,"manifests":[{"mediaType":"a/b"}]}"#.utf8)))
            rig.hub.misbehave(on: RequestMatcher(.referrers), .always, .redirect(to: other.url("/page"), status: 303))
            let answer = try await rig.get("/v2/library/app/referrers/sha256:\(String(repeating: "b", count: 64))")
            #expect(answer.status == 200 && answer.header("Content-Type") == MediaType.ociIndex.text)
            #expect(try answer.json["manifests"]?.array?.isEmpty == true)
            #expect(other.connections == 0)
            try await other.stop()
        }
    }

    @Test func `of repositories have what is here`() async throws {
        try await withMirror { rig in
            let factory = ImageFactory(seed: 15)
            let image = try factory.application("a", on: factory.baseShared(.host))
            rig.hub.content.add(image, to: "library/app")
            rig.hub.content.add(image, to: "o/r")
            #expect(try await rig.pull("library/app", "latest", image) == [])
            #expect(try await rig.pull("ghcr.io/o/r", "latest", image) == [])
            _ = try await rig.recorded("ghcr.io/o/r")
            let list = try await rig.get("/v2/_catalog").json["repositories"]?.array?.compactMap(\.string)
            #expect(list == ["ghcr.io/o/r", "library/app"])
        }
    }
}
