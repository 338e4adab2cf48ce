import NIOCore
@testable import Serving
import Testing

@Suite struct `A request's head` {
    @Test func `is read with its fields in order`() throws {
        let head = try parsed("GET /a?b=c HTTP/1.1\r\nHost: here\r\nX-Two:  two words\t\r\nx-two: again\r\n\r\n")
        #expect(head?.method == "GET")
        #expect(head?.target == "/a?b=c")
        #expect(head?.headers.all("X-TWO") == ["two words", "again"])
        #expect(head?.keepAlive == true)
        #expect(head?.body == BodyFraming.none)
    }

    @Test func `may come byte by byte`() throws {
        var parser = RequestHeadParser(limits: ServerLimits())
        var buffer = ByteBuffer()
        let text = "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\n"
        for byte in text.utf8.dropLast() {
            buffer.writeInteger(byte)
            #expect(try parser.parse(&buffer) == nil)
        }
        buffer.writeString("\nabcGET")
        #expect(try parser.parse(&buffer)?.body == .length(3))
        #expect(String(buffer: buffer) == "abcGET")
    }

    @Test func `may follow one empty line`() throws {
        #expect(try parsed("\r\nGET / HTTP/1.1\r\nHost: here\r\n\r\n")?.target == "/")
    }

    @Test func `gives up its parser for the next one`() throws {
        var parser = RequestHeadParser(limits: ServerLimits())
        var buffer = ByteBuffer(string: "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n")
        #expect(try parser.parse(&buffer)?.target == "/1")
        #expect(try parser.parse(&buffer)?.target == "/2")
        #expect(buffer.readableBytes == 0)
    }

    @Test(arguments: [
        ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close\r\n", false), ("HTTP/1.0", "", false),
        ("HTTP/1.0", "Connection: Keep-Alive\r\n", true), ("HTTP/1.1", "Connection: upgrade, Close\r\n", false),
        ("HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\n", true), ("HTTP/1.9", "", true),
    ])
    func `says whether the connection lives on`(version: String, fields: String, lives: Bool) throws {
        #expect(try parsed("GET / \(version)\r\nHost: here\r\n\(fields)\r\n")?.keepAlive == lives)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\nHost: a\n\n", 400), ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
        ("GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /\r\nHost: a\r\n\r\n", 400), ("GET\r\n\r\n", 400),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /ä HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("GET / HTTP/11\r\nHost: a\r\n\r\n", 400), ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\n more\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\u{0}b\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ])
    func `is refused when it is malformed`(text: String, status: Int) {
        #expect(refusal(text)?.status == status, "\(text.debugDescription)")
    }

    @Test(arguments: [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Content-Length: 3\r\nContent-Length: 3\r\n", 400),
        ("Content-Length: 3, 3\r\n", 400), ("Content-Length: +3\r\n", 400), ("Content-Length: -1\r\n", 400),
        ("Content-Length: 0x3\r\n", 400), ("Content-Length:\r\n", 400),
        ("Content-Length: 3 \r\nContent-length: 4\r\n", 400),
        ("Content-Length: 9223372036854775808\r\n", 400), ("Transfer-Encoding: gzip, chunked\r\n", 501),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400), ("Transfer-Encoding: xchunked\r\n", 501),
        ("Expect: a-miracle\r\n", 417),
    ])
    func `is refused when two programs could read its framing differently`(fields: String, status: Int) {
        #expect(refusal("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")?.status == status, "\(fields.debugDescription)")
    }

    @Test func `is refused when HTTP 1.0 sends chunks`() {
        #expect(refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")?.status == 400)
    }

    @Test func `is refused with 414 when its first line is too long, before the line has ended`() {
        #expect(refusal("GET /" + String(repeating: "a", count: 32 << 10))?.status == 414)
    }

    @Test func `is refused with 431 when its fields are too long, before they have ended`() {
        #expect(refusal("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 64 << 10))?.status == 431)
    }

    @Test func `is refused with 431 when it has too many fields`() {
        #expect(refusal("GET / HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 101))?.status == 431)
    }

    @Test func `may have exactly as many fields as allowed`() throws {
        let text = "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 99) + "\r\n"
        #expect(try parsed(text)?.headers.fields.count == 100)
    }
}

private func parsed(_ text: String) throws -> RequestHead? {
    var parser = RequestHeadParser(limits: ServerLimits())
    var buffer = ByteBuffer(string: text)
    return try parser.parse(&buffer)
}

private func refusal(_ text: String) -> Refusal? {
    do {
        _ = try parsed(text)
        return nil
    } catch { return error as? Refusal }
}
