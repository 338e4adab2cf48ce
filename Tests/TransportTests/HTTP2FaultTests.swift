import OCI
import TestSupport
import Testing
import Transport

/// What a server does wrong in HTTP/2 alone. Nothing here speaks that but libcurl, so frames are written by hand.
@Suite(.enabled(if: TLSServer.isPossible && which("python3") != nil, "openssl, nginx and python3 make these servers"))
struct `A misdeed in HTTP/2` {
    private static let server = """
        import socket, ssl, sys, threading

        def frame(kind, flags, stream, payload=b""):
            return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

        def goaway(error):
            return frame(7, 0, 0, bytes(4) + error.to_bytes(4, "big"))

        def reset(stream, error):
            return frame(3, 0, stream, error.to_bytes(4, "big"))

        answers = {
            "GOAWAY": lambda stream: goaway(0),
            "GOAWAY, be calm": lambda stream: goaway(11),
            "RST_STREAM": lambda stream: reset(stream, 2),
            "a refused stream": lambda stream: reset(stream, 7),
            "RST_STREAM after the head": lambda stream: frame(1, 4, stream, b"\\x88") + reset(stream, 2),
            "a flood of RST_STREAM": lambda stream: reset(stream, 8) * 20000,
            "a flood of PING": lambda stream: frame(6, 0, 0, bytes(8)) * 20000,
            "a flood of SETTINGS": lambda stream: frame(4, 0, 0) * 20000,
        }
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[1], sys.argv[2])
        tls.set_alpn_protocols(["h2"])

        def serve(connection):
            try:
                with tls.wrap_socket(connection, server_side=True) as peer:
                    peer.sendall(frame(4, 0, 0))
                    lines = peer.makefile("rb")
                    lines.read(24)
                    while len(head := lines.read(9)) == 9:
                        lines.read(int.from_bytes(head[:3], "big"))
                        if head[3] == 1:
                            peer.sendall(answers[sys.argv[3]](int.from_bytes(head[5:], "big")))
                            if "flood" in sys.argv[3]:
                                return
            except OSError:
                pass

        listener = socket.create_server(("127.0.0.1", 0))
        print(listener.getsockname()[1], flush=True)
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        """

    private static let misdeeds = [
        "GOAWAY", "GOAWAY, be calm", "RST_STREAM", "a refused stream", "RST_STREAM after the head",
        "a flood of RST_STREAM", "a flood of PING", "a flood of SETTINGS",
    ]

    @Test(.timeLimit(.minutes(2)))
    func `is a connection that broke, to be tried again, and leaves the client fit`() async throws {
        try await withTLS { client, good in
            for misdeed in Self.misdeeds {
                let files = ["good.pem", "good.key"].map { good.directory.path($0) }
                let bad = try RunningProcess("python3", ["-c", Self.server] + files + [misdeed])
                let port = try await bad.wait(for: "its port") { state in
                    state.outputText.hasSuffix("\n") ? Int(state.outputText.dropLast()) : nil
                }
                let request = direct("https://registry.test:\(port)/") { options in
                    options.resolve = ["registry.test:\(port):127.0.0.1"]
                    options.caFile = good.directory.path("ca.pem")
                }
                let error = await transportError { _ = try await client.collect(request, limit: 100) }
                print("  \(misdeed): \(String(describing: error))")
                switch error {
                case .interrupted, .brokenReply: break
                default: Issue.record("\(misdeed): \(String(describing: error))")
                }
                let after = try await client.collect(good.request("registry.test", "/small"), limit: 100)
                #expect(after.head.status == 200 && after.head.httpVersion == "2", "after \(misdeed)")
                _ = try await bad.stop()
            }
        }
    }
}
