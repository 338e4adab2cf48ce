import NIOCore
@testable import Serving
import Testing

@Suite struct `A body's framing` {
    @Test(arguments: [
        (BodyFraming.length(5), "helloGET", "hello", "GET"), (.chunked, "5\r\nhello\r\n0\r\n\r\nGET", "hello", "GET"),
        (.chunked, "2;a=b\r\nhe\r\n03 \r\nllo\r\n000\r\nX-Trailer: y\r\n\r\n", "hello", ""),
        (.chunked, "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", ""),
        (.none, "GET", "", "GET"),
    ])
    func `is taken off, however it is cut`(framing: BodyFraming, wire: String, body: String, rest: String) throws {
        for step in [1, 2, 3, wire.utf8.count] {
            var decoder = BodyDecoder(framing)
            var buffer = ByteBuffer()
            var got = ""
            var bytes = Array(wire.utf8)[...]
            while !bytes.isEmpty {
                buffer.writeBytes(bytes.prefix(step))
                bytes = bytes.dropFirst(step)
                while let piece = try decoder.decode(&buffer) { got += String(buffer: piece) }
            }
            #expect(got == body)
            #expect(decoder.isDone)
            #expect(String(buffer: buffer) == rest)
        }
    }

    @Test(arguments: [
        "\r\n", "x\r\n", "-1\r\n", "5\nhello\n0\n\n", "5\r\nhelloX\r\n", "5\r\nhello\n", "1000000000000000\r\n",
        "5 5 \r\rx\r\n",
        "0x5\r\n", " 5\r\n", "5;\u{0}\r\n", String(repeating: "0", count: 16) + "\r\n",
        String(repeating: "a", count: 5000),
        "5;" + String(repeating: "a", count: 5000), "0\r\n" + String(repeating: "A: b\r\n", count: 65),
    ])
    func `is refused when its chunks are malformed`(wire: String) {
        var decoder = BodyDecoder(.chunked)
        var buffer = ByteBuffer(string: wire)
        #expect(throws: Refusal.self, "\(wire.prefix(40).debugDescription)") {
            while try decoder.decode(&buffer) != nil {}
        }
    }

    @Test func `tells what is left only when the client told its length`() throws {
        var decoder = BodyDecoder(.length(10))
        var buffer = ByteBuffer(string: "abc")
        _ = try decoder.decode(&buffer)
        #expect(decoder.remaining == 7)
        #expect(BodyDecoder(.chunked).remaining == nil)
        #expect(BodyDecoder(.none).remaining == 0)
    }
}
