import Glibc
import Serving
import Testing

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite(.timeLimit(.minutes(1))) struct `A file` {
    @Test(arguments: [(0, 8 << 20), (1_234_567, 3_000_001), (8 << 20 - 1, 1), (17, 0), (0, 20_000)])
    func `is sent in part or whole`(offset: Int, length: Int) async throws {
        let bytes = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 11) }
        try await withFile(bytes) { descriptor, _ in
            let handler = Answers { _ in
                let body = ResponseBody.file(
                    descriptor: descriptor, offset: Int64(offset), length: Int64(length), owner: 0)
                return ServerResponse(status: 206, body: body)
            }
            try await withServer(handler) { address in
                let client = try RawClient(address)
                for _ in 0..<2 {
                    let response = try await client.ask(get)
                    #expect(response.field("content-length") == "\(length)")
                    #expect(response.body == Array(bytes[offset..<offset + length]))
                }
                let head = try await client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(head.field("content-length") == "\(length)")
                #expect(try await client.ask(get).status == 206)
            }
            #expect(fcntl(descriptor, F_GETFD) >= 0, "the file's owner closes it, not the server")
        }
    }

    @Test func `is let go when it is sent`() async throws {
        try await withFile([1, 2, 3]) { descriptor, _ in
            let released = Shared(0)
            let handler = Answers { _ in
                let owner = Owner { released.update { $0 += 1 } }
                return ServerResponse(
                    status: 200, body: .file(descriptor: descriptor, offset: 0, length: 3, owner: owner))
            }
            try await withServer(handler) { address in
                let client = try RawClient(address)
                #expect(try await client.ask(get).body == [1, 2, 3])
                #expect(try await eventually { released.now == 1 })
            }
        }
    }

    @Test func `is kept until it is sent, and let go when the client leaves`() async throws {
        try await withFile([UInt8](repeating: 7, count: 32 << 20)) { descriptor, _ in
            let released = Shared(false)
            let answered = Event()
            let handler = Answers { _ in
                let owner = Owner { released.set(true) }
                answered.happen()
                return ServerResponse(
                    status: 200, body: .file(descriptor: descriptor, offset: 0, length: 32 << 20, owner: owner))
            }
            try await withServer(handler) { address in
                let client = try RawClient(address, receiveBuffer: 64 << 10)
                try await client.send(get)
                await answered.wait()
                #expect(try await client.receive().count > 0)
                #expect(!released.now)
                client.close()
                #expect(try await eventually { released.now })
            }
        }
    }

    @Test func `that is shorter than promised is a 500`() async throws {
        try await withFile([1, 2, 3]) { descriptor, _ in
            let handler = Answers { _ in
                ServerResponse(status: 200, body: .file(descriptor: descriptor, offset: 1, length: 3, owner: 0))
            }
            try await withServer(handler) { address in
                let client = try RawClient(address)
                #expect(try await client.ask(get).status == 500)
            }
        }
    }

    private final class Owner: Sendable {
        private let released: @Sendable () -> Void
        init(_ released: @escaping @Sendable () -> Void) { self.released = released }
        deinit { released() }
    }

    private func withFile(_ bytes: [UInt8], _ body: (Int32, String) async throws -> Void) async throws {
        try await withDirectory { directory in
            let path = directory + "/file"
            let descriptor = open(path, O_CREAT | O_RDWR, 0o600)
            defer { close(descriptor) }
            try #require(write(descriptor, bytes, bytes.count) == bytes.count)
            try await body(descriptor, path)
        }
    }
}
