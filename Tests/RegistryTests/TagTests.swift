import OCI
import Registry
import TestSupport
import Testing
import Transport

@Suite struct `A list of tags` {
    private func tags(_ rig: Rig) async throws -> [String] {
        try await rig.client.tags(of: repository("r.example/a"), credential: nil)
    }

    @Test(arguments: [
        ("{\"name\":\"a\",\"tags\":[\"2\",\"1\"]}", ["2", "1"]), ("{\"tags\":null}", []), ("{\"name\":\"a\"}", []),
        ("{\"tags\":[\"ok\",\"-bad\",\"\\u001b[31m\",7,\"a/b\"]}", ["ok"]),
    ])
    func `is read as registries write it`(body: String, tags expected: [String]) async throws {
        let rig = Rig { _, _ in .status(200, [], body) }
        #expect(try await tags(rig) == expected)
        #expect(rig.asked == ["GET https://r.example/v2/a/tags/list?n=1000"])
    }

    static let links = [
        "</v2/a/tags/list?last=1&n=1>; rel=\"next\"", "<?last=1&n=1>;rel=next", "<list?last=1&n=1>; rel=\"next\"",
        "<https://r.example/v2/a/tags/list?last=1&n=1>; rel=\"next\"",
        "<http://internal.test/v2/a/tags/list?last=1&n=1>; title=x; rel=\"next\"",
        "</first>; rel=\"first\", </v2/a/tags/list?last=1&n=1>; rel=\"next\"",
    ]

    @Test(arguments: links)
    func `goes on at the same host, whatever host the link names`(link: String) async throws {
        let rig = Rig { _, number in
            number == 0 ? .status(200, [("Link", link)], "{\"tags\":[\"1\"]}") : .status(200, [], "{\"tags\":[\"2\"]}")
        }
        #expect(try await tags(rig) == ["1", "2"])
        #expect(rig.asked.last == "GET https://r.example/v2/a/tags/list?last=1&n=1")
    }

    @Test(arguments: ["</x>; rel=\"prev\"", "", "</x>", "garbage", "<ftp://x/>; rel=\"next\""])
    func `ends where no next page is named`(link: String) async throws {
        let rig = Rig { _, _ in .status(200, [("Link", link)], "{\"tags\":[\"1\"]}") }
        #expect(try await tags(rig) == ["1"])
    }

    @Test func `without end is given up`() async throws {
        let rig = Rig { _, number in
            .status(200, [("Link", "</v2/a/tags/list?last=\(number)>; rel=\"next\"")], "{\"tags\":[\"1\"]}")
        }
        let error = await #expect(throws: RegistryError.self) { try await tags(rig) }
        #expect(error?.kind == .integrity && rig.asked.count == 200)
    }

    @Test(arguments: ["[]", "{\"tags\":{}}", "{\"tags\":[],\"tags\":[]}", "<html>", ""])
    func `that is none is an error`(body: String) async throws {
        let rig = Rig { _, _ in .status(200, [], body) }
        let error = await #expect(throws: RegistryError.self) { try await tags(rig) }
        #expect(error?.kind == .integrity && error?.cause is OCIError)
    }

    @Test func `comes from the registry and not from a mirror`() async throws {
        let host = RegistryHost(name: "r.example", mirrors: ["https://m.example"])
        let rig = Rig(hosts: [host]) { _, _ in .status(200, [], "{\"tags\":[\"1\"]}") }
        #expect(try await tags(rig) == ["1"])
        #expect(rig.requests(to: "https://m.example").isEmpty)
    }
}
