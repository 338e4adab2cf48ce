import OCI
import Serving
import Testing

@testable import EngineAPI

@Suite struct `What a pull asks for` {
    private static let hex = String(repeating: "ab", count: 32)

    private func parameters(_ query: String) throws -> PullParameters {
        let request = try #require(ServerRequest("POST", "/images/create?" + query))
        let match = try #require(Endpoint.find(method: "POST", path: request.path))
        return try PullParameters(
            Call(match: match, version: .newest, query: request.query, headers: request.headers))
    }

    @Test(arguments: [
        ("fromImage=docker.io%2Flibrary%2Fworker&tag=1.4", "docker.io/library/worker:1.4"),
        ("fromImage=worker&tag=latest", "docker.io/library/worker:latest"),
        ("fromImage=worker:1.4", "docker.io/library/worker:1.4"),
        ("fromImage=worker:1.4&tag=2", "docker.io/library/worker:2"),
        ("fromImage=team/proxy&tag=sha256:\(hex)", "docker.io/team/proxy@sha256:\(hex)"),
        ("fromImage=worker:1.4@sha256:\(hex)", "docker.io/library/worker@sha256:\(hex)"),
        ("fromImage=r.example.com:5000/a/b&tag=1", "r.example.com:5000/a/b:1"),
    ])
    func `is one image`(query: String, reference: String) throws {
        guard case .one(let wanted) = try parameters(query).wanted else {
            Issue.record("it was taken for all tags")
            return
        }
        #expect(wanted.description == reference)
    }

    @Test(arguments: ["fromImage=worker", "fromImage=worker:", "fromImage=docker.io/library/worker&tag="])
    func `is every tag when none is named`(query: String) throws {
        #expect(try parameters(query).wanted == .allTags(try Repository(parsing: "worker")))
    }

    @Test(arguments: [
        ("linux/arm64/v8", "linux/arm64"), ("linux/amd64", "linux/amd64"), ("LINUX/ARM", "linux/arm/v7"),
    ])
    func `may name a platform`(text: String, platform: String) throws {
        let parsed = try parameters("fromImage=worker&tag=1&platform=\(text)").platform
        #expect(parsed?.normalized.description == platform)
    }

    @Test(arguments: [
        ("fromImage=UPPER&tag=1", 400), ("fromImage=worker&tag=a%20b", 400), ("fromImage=", 400), ("", 400),
        ("fromImage=scratch&tag=1", 403), ("fromImage=scratch", 403), ("fromSrc=-&repo=foo:bar", 501),
        ("fromImage=worker&tag=1&platform=foo/bar/baz/qux", 400), ("fromImage=worker&tag=1&platform=*", 400),
    ])
    func `is refused with the right status`(query: String, expected: Int) throws {
        let fault = try #require(throws: (any Error).self) { try parameters(query) } as? any Fault
        #expect(fault.map { status(of: $0.kind) } == expected)
    }

    @Test func `is told of a bad platform in docker's words`() throws {
        let error = try #require(throws: (any Error).self) {
            try parameters("fromImage=worker&tag=1&platform=foo/bar/baz/qux")
        }
        #expect("\(error)" == "\"foo/bar/baz/qux\": cannot parse platform specifier: invalid argument")
    }

    @Test func `may not be scratch in docker's words`() throws {
        #expect(throws: EngineError.reservedName("scratch")) {
            try parameters("fromImage=docker.io/library/scratch&tag=1")
        }
    }
}
