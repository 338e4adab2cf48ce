import OCI
import Serving
import Testing

@testable import EngineAPI

@Suite struct `What layerd has none of` {
    @Test(arguments: [
        ("GET", "/containers/json", "[]"),
        ("GET", "/containers/json?all=1&filters=%7B%22status%22%3A%5B%22x%22%5D%7D", "[]"),
        ("GET", "/volumes", "{\"Volumes\":[],\"Warnings\":null}"), ("GET", "/networks", "[]"),
        ("GET", "/plugins", "[]"),
        ("POST", "/containers/prune", "{\"ContainersDeleted\":null,\"SpaceReclaimed\":0}"),
        ("POST", "/networks/prune?filters=%7B%7D", "{\"NetworksDeleted\":null}"),
        ("POST", "/volumes/prune", "{\"VolumesDeleted\":[],\"SpaceReclaimed\":0}"),
        ("POST", "/build/prune?all=1&filters=", "{\"CachesDeleted\":null,\"SpaceReclaimed\":0}"),
    ])
    func `is listed and pruned as nothing`(method: String, target: String, expected: String) async throws {
        let fixture = try await EngineFixture()
        for prefix in ["", "/v1.24", "/v1.50"] {
            let answer = try await fixture.ask(method, prefix + target)
            #expect(answer.status == 200)
            #expect(answer.text == expected + "\n")
        }
    }

    @Test(arguments: [
        ("GET", "/containers/nope/json", "No such container: nope"),
        ("GET", "/containers/team/proxy:1.27/json", "No such container: team/proxy:1.27"),
        ("GET", "/containers/a%2Fb/stats", "No such container: a/b"),
        ("POST", "/containers/nope/start", "No such container: nope"),
        ("GET", "/volumes/nope", "get nope: no such volume"), ("GET", "/networks/nope", "network nope not found"),
        ("GET", "/plugins/nope/json", "plugin \"nope\" not found"),
    ])
    func `is not found by name`(method: String, target: String, message: String) async throws {
        let answer = try await EngineFixture().ask(method, "/v1.50" + target)
        #expect(answer.status == 404)
        #expect(try answer.message == message)
    }

    @Test(arguments: [
        ("POST", "/containers/create"), ("GET", "/containers/x/logs"), ("DELETE", "/containers/x?force=1"),
        ("POST", "/build"), ("POST", "/commit"), ("POST", "/session"), ("POST", "/grpc"), ("POST", "/networks/create"),
        ("POST", "/volumes/create"), ("POST", "/images/worker/push"), ("POST", "/images/create?fromSrc=-"),
        ("GET", "/images/search?term=a"),
    ])
    func `is not run or made, and the answer says who does`(method: String, target: String) async throws {
        let answer = try await EngineFixture().ask(method, "/v1.50" + target)
        #expect(answer.status == 501)
        let message = try #require(try answer.message)
        #expect(message.contains("not supported by layerd"))
        #expect(message.contains("container engine"))
    }

    @Test(arguments: [
        "/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs", "/nodes/self", "/swarm/unlockkey",
    ])
    func `is a swarm`(path: String) async throws {
        let answer = try await EngineFixture().get("/v1.50" + path)
        #expect(answer.status == 503)
        #expect(try answer.message?.hasPrefix("This node is not a swarm manager.") == true)
    }

    @Test(arguments: [
        ("GET", "/nope"), ("GET", "/v1.50/nope"), ("PUT", "/v1.50/info"), ("HEAD", "/v1.50/info"), ("GET", "/"),
        ("GET", "/v1.50"), ("GET", "/v9.99/nope"), ("POST", "/v1.50/images/json"), ("GET", "/images//json"),
    ])
    func `is a page`(method: String, target: String) async throws {
        let answer = try await EngineFixture().ask(method, target)
        #expect(answer.status == 404)
        #expect(answer.text == "{\"message\":\"page not found\"}\n")
        #expect(answer.headers.first("Api-Version") == nil)
    }
}

@Suite struct `Every answer` {
    @Test(arguments: [
        ("GET", "/info"), ("GET", "/images/nope/json"), ("POST", "/commit"), ("GET", "/nodes"), ("GET", "/v9.99/info"),
    ])
    func `has the headers of an engine`(method: String, target: String) async throws {
        let headers = try await EngineFixture().ask(method, target).headers
        #expect(headers.all("Api-Version") == ["1.50"])
        #expect(headers.all("Ostype") == ["linux"])
        #expect(headers.all("Docker-Experimental") == ["false"])
        #expect(headers.all("Server") == ["Docker/28.2.2+layerd (linux)"])
        #expect(headers.all("Content-Type") == ["application/json"])
    }

    @Test func `is OK to a ping`() async throws {
        let answer = try await EngineFixture().get("/_ping")
        #expect(answer.text == "OK")
        for (name, value) in [
            ("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-cache, no-store, must-revalidate"),
            ("Pragma", "no-cache"), ("Builder-Version", "2"), ("Swarm", "inactive"), ("Api-Version", "1.50"),
        ] {
            #expect(answer.headers.first(name) == value)
        }
        let head = try await EngineFixture().ask("HEAD", "/_ping")
        #expect(head.status == 200)
        #expect(head.body.isEmpty)
    }

    @Test(arguments: [
        ("9.99", "client version 9.99 is too new. Maximum supported API version is 1.50"),
        ("1.51", "client version 1.51 is too new. Maximum supported API version is 1.50"),
    ])
    func `refuses a version that is too new`(version: String, message: String) async throws {
        let answer = try await EngineFixture().get("/v\(version)/info")
        #expect(answer.status == 400)
        #expect(try answer.message == message)
    }

    @Test(arguments: ["1.23", "1.0", "0.5", "1"])
    func `refuses a version that is too old, in plain text`(version: String) async throws {
        let answer = try await EngineFixture().get("/v\(version)/info")
        #expect(answer.status == 400)
        #expect(answer.headers.first("Content-Type") == "text/plain; charset=utf-8")
        #expect(
            answer.text == "client version \(version) is too old. Minimum supported API version is 1.24, "
                + "please upgrade your client to a newer version\n")
    }

    @Test(arguments: ["1.24", "1.41", "1.50"])
    func `is given to every version between`(version: String) async throws {
        #expect(try await EngineFixture().get("/v\(version)/info").status == 200)
    }
}
