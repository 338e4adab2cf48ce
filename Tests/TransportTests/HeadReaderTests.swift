import Testing

@testable import Transport

@Suite struct `The head of a reply` {
    @Test func `is read with its fields in order`() throws {
        let head = try #require(try read("HTTP/1.1 206 Partial", "A: 1", "b:2", "A:  3 ", "Content-Length: 7", ""))
        #expect(head.status == 206)
        #expect(head.httpVersion == "1.1")
        #expect(head.headers.all("a") == ["1", "3"])
        #expect(head.headers.first("B") == "2")
        #expect(head.contentLength == 7)
    }

    @Test(arguments: ["HTTP/1.0 200 OK", "HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/2 200 "])
    func `may have any of these status lines`(line: String) throws {
        #expect(try read(line, "")?.status == 200)
    }

    @Test(arguments: [
        "", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 2000 OK", "HTTP/1.1 -20 OK", "HTTP/1.1 099 OK", "HTTP/3.7 200 OK",
        "HTTPS/1.1 200 OK", "ICY 200 OK", "HTTP/1.1 2x0 OK",
    ])
    func `is refused with a bad status line`(line: String) {
        #expect(throws: HeadFault.self) { try read(line, "") }
    }

    @Test(arguments: ["no colon", ": no name", "a b: c", "A : b", " folded: x", "A: b\u{0}c", "A: b\rc", "Ä: b"])
    func `is refused with a bad field`(line: String) {
        #expect(throws: HeadFault.self) { try read("HTTP/1.1 200 OK", line, "") }
    }

    @Test(arguments: [
        ["Content-Length: 5", "Content-Length: 6"], ["Content-Length: 5, 6"], ["Content-Length: -5"],
        ["Content-Length: +5"], ["Content-Length: 0x5"], ["Content-Length: "],
        ["Content-Length: 100000000000000000000000"], ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: gzip"], ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], ["Content-Encoding: gzip"],
        ["Content-Encoding: identity", "Content-Encoding: br"],
    ])
    func `is refused when its framing or coding is not plain`(lines: [String]) {
        #expect(throws: HeadFault.self) { try read(["HTTP/1.1 200 OK"] + lines + [""]) }
    }

    @Test func `may say the same length twice`() throws {
        #expect(try read("HTTP/1.1 200 OK", "Content-Length: 5", "content-length: 5", "")?.contentLength == 5)
    }

    @Test func `of an error may be encoded, for its status counts more`() throws {
        #expect(try read("HTTP/1.1 503 Busy", "Content-Encoding: gzip", "")?.status == 503)
    }

    @Test func `comes after interim ones, up to twenty`() throws {
        let interim = Array(repeating: ["HTTP/1.1 103 Early", "Link: x", ""], count: 20).flatMap { $0 }
        #expect(try read(interim + ["HTTP/1.1 200 OK", ""])?.headers.fields.isEmpty == true)
        #expect(throws: HeadFault.self) { try read(interim + ["HTTP/1.1 100 Continue", "", "HTTP/1.1 200 OK", ""]) }
    }

    @Test func `may not switch protocols`() {
        #expect(throws: HeadFault.self) { try read("HTTP/1.1 101 Switching", "") }
    }

    @Test func `has at most 200 lines and 64 KiB`() throws {
        let lines = (1...198).map { "X-\($0): y" }
        #expect(try read(["HTTP/1.1 200 OK"] + lines + [""]) != nil)
        #expect(throws: HeadFault.self) { try read(["HTTP/1.1 200 OK", "One: more"] + lines + [""]) }
        #expect(throws: HeadFault.self) {
            try read("HTTP/1.1 200 OK", "X: " + String(repeating: "y", count: 64 << 10), "")
        }
    }

    @Test func `is not followed by a second one`() throws {
        var reader = HeadReader()
        for line in ["HTTP/1.1 200 OK\r\n", "\r\n", "Trailer: fine\r\n"] { _ = try reader.read(Array(line.utf8)) }
        #expect(throws: HeadFault.self) { _ = try reader.read(Array("HTTP/1.1 200 OK\r\n".utf8)) }
    }
}

private func read(_ lines: String...) throws -> HTTPResponseHead? { try read(lines) }

private func read(_ lines: [String]) throws -> HTTPResponseHead? {
    var reader = HeadReader()
    var head: HTTPResponseHead?
    for line in lines { head = try reader.read(Array((line + "\r\n").utf8)) ?? head }
    return head
}
