import OCI
import TestSupport
import Testing
import Transport

/// What a server does wrong, and the kind of error that must come of it.
private struct Misdeed: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let steps: [ScriptedServer.Step]
    let kind: FaultKind

    init(_ name: String, _ kind: FaultKind, _ steps: ScriptedServer.Step...) {
        testDescription = name
        self.steps = steps
        self.kind = kind
    }
}

private let ok = "HTTP/1.1 200 OK\r\n"
private let broken = FaultKind.integrity
private let lost = FaultKind.unavailable(retryAfter: nil)

private let misdeeds: [Misdeed] = [
    Misdeed("FIN before any byte", lost, .finish),
    Misdeed("RST before any byte", lost, .reset),
    Misdeed("FIN in the status line", lost, .text("HTTP/1.1 2"), .finish),
    Misdeed("FIN in the head", broken, .text(ok + "Content-Length: 0\r\nX"), .finish),
    Misdeed("FIN in the body", broken, .text(ok + "Content-Length: 10\r\n\r\n12345"), .finish),
    Misdeed("FIN instead of the body", broken, .text(ok + "Content-Length: 10\r\n\r\n"), .finish),
    Misdeed("RST in the body", lost, .text(ok + "Content-Length: 10\r\n\r\n12345"), .reset),
    Misdeed("two lengths", broken, .text(ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456")),
    Misdeed(
        "length and chunks", broken, .text(ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    Misdeed("a negative length", broken, .text(ok + "Content-Length: -5\r\n\r\n12345"), .finish),
    Misdeed("a length of 10^23", broken, .text(ok + "Content-Length: 100000000000000000000000\r\n\r\n1"), .finish),
    Misdeed("chunks cut short", broken, .text(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\n123"), .finish),
    Misdeed("chunks without the last", broken, .text(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"), .finish),
    Misdeed(
        "a chunk sized zz", broken, .text(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n12345\r\n0\r\n\r\n"), .finish),
    Misdeed(
        "a chunk of 2^70", broken, .text(ok + "Transfer-Encoding: chunked\r\n\r\n400000000000000000\r\n1"), .finish),
    Misdeed("compression", broken, .text(ok + "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n123")),
    Misdeed("compressed transfer", broken, .text(ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")),
    Misdeed("not HTTP", broken, .text("SSH-2.0-OpenSSH_9.2\r\n"), .finish),
    Misdeed("HTTP/0.9", broken, .text("<html>hello</html>"), .finish),
    Misdeed("endless 1xx", broken, .flood(Array("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n".utf8), times: 100_000)),
    Misdeed("endless headers", broken, .text(ok), .flood(Array("X: yyyyyyyyyyyyyyyy\r\n".utf8), times: 200_000)),
    Misdeed("a header of 2 MB", broken, .text(ok + "X: "), .flood(Array(repeating: 121, count: 1 << 16), times: 32)),
    Misdeed(
        "endless trailers", broken, .text(ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n"),
        .flood(Array("X: yyyyyyyyyyyyyyyy\r\n".utf8), times: 200_000)),
    Misdeed("a NUL in a header", broken, .text(ok + "X: a\u{0}b\r\nContent-Length: 0\r\n\r\n")),
    Misdeed("a protocol switched", broken, .text("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), .finish),
]

@Suite struct `A server's misdeed` {
    @Test(.timeLimit(.minutes(1)), arguments: misdeeds)
    private func `is an error of the right kind`(misdeed: Misdeed) async throws {
        try await withServer({ _ in misdeed.steps }) { client, server in
            let sink = RecordingSink()
            let error = await transportError {
                _ = try await client.perform(direct(server.url("/p?secret=1")), into: sink)
            }
            #expect(error?.kind == misdeed.kind, "\(String(describing: error))")
            let sentence = try #require(error?.description)
            #expect(sentence.contains("127.0.0.1:\(server.port)"), "\(sentence)")
            #expect(!sentence.contains("secret") && !sentence.contains("/p"), "\(sentence)")
            print("  \(misdeed.testDescription): \(sentence)")
        }
    }

    @Test func `leaves the client fit for the next request`() async throws {
        let reply = ScriptedReply(body: [9])
        try await withServer({ $0.target == "/bad" ? [.text("junk\r\n\r\n"), .reset] : reply.steps(for: $0.method) }) {
            client, server in
            for _ in 0..<5 {
                let error = await transportError { _ = try await client.collect(direct(server.url("/bad")), limit: 10) }
                #expect(error != nil)
                let good = try await client.collect(direct(server.url("/good")), limit: 10)
                #expect(good.body == [9])
            }
        }
    }
}

@Suite struct `A body` {
    @Test func `that ends with the connection announces no length`() async throws {
        try await withServer({ _ in [.text("HTTP/1.0 200 OK\r\n\r\n12345"), .finish] }) { client, server in
            let answer = try await client.collect(direct(server.url()), limit: 10)
            #expect(answer.head.contentLength == nil)
            #expect(answer.head.httpVersion == "1.0")
            #expect(answer.body == Array("12345".utf8))
        }
    }

    @Test func `in chunks comes joined, its trailers dropped`() async throws {
        let text = "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
        try await withServer({ _ in [.text(ok + text)] }) { client, server in
            let answer = try await client.collect(direct(server.url()), limit: 10)
            #expect(answer.body == Array("abcde".utf8))
            #expect(answer.head.headers.first("X-Trailer") == nil)
        }
    }

    @Test func `longer than announced is cut at the length announced`() async throws {
        try await withServer({ _ in [.text(ok + "Content-Length: 3\r\n\r\n123456"), .finish] }) { client, server in
            let answer = try await client.collect(direct(server.url()), limit: 10)
            #expect(answer.body == Array("123".utf8))
        }
    }

    @Test(arguments: [204, 304]) func `is not waited for where the status has none`(status: Int) async throws {
        try await withServer({ _ in [.text("HTTP/1.1 \(status) None\r\nContent-Length: 10\r\n\r\n")] }) {
            client, server in
            let answer = try await client.collect(direct(server.url()), limit: 10)
            #expect(answer.head.status == status)
            #expect(answer.body.isEmpty)
        }
    }

    @Test func `that comes a byte at a time is shown as it comes`() async throws {
        let checkpoint = Checkpoint()
        let steps: [ScriptedServer.Step] = [
            .text(ok + "Content-Length: 6\r\n\r\n"), .drip(Array("123".utf8), piece: 1, pause: .milliseconds(5)),
            .stop(checkpoint), .text("456"),
        ]
        try await withServer({ _ in steps }) { client, server in
            let sink = RecordingSink()
            async let head = client.perform(direct(server.url()), into: sink)
            _ = try await sink.record.wait(for: "three bytes") { $0.body.count == 3 ? true : nil }
            checkpoint.open()
            #expect(try await head.status == 200)
            #expect(sink.record.value.body == Array("123456".utf8))
        }
    }

    @Test func `is not needed for the sink to judge the head`() async throws {
        let checkpoint = Checkpoint()
        let steps: [ScriptedServer.Step] = [
            .text("HTTP/1.1 416 No\r\nContent-Length: 600000000\r\n\r\n"), .stop(checkpoint),
        ]
        struct Unwanted: Error {}
        try await withServer({ _ in steps }) { client, server in
            await #expect(throws: Unwanted.self) {
                _ = try await client.perform(direct(server.url()), into: RecordingSink(refusal: .head(Unwanted())))
            }
        }
    }
}
