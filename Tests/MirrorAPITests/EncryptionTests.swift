import OCI
import Serving
import TestSupport
import Testing

@testable import MirrorAPI

@Suite struct `A mirror that other machines can reach` {
    @Test func `speaks TLS, whole blobs and parts included, and lets in whom its authority knows`() async throws {
        let authority = try await CertificateAuthority()
        let server = try await authority.server(["127.0.0.1"])
        let client = try await authority.client()
        try await withMirror { rig in
            let image = try ImageFactory(seed: 21).big([1_000_000], platform: .host)
            rig.hub.content.add(image, to: "library/big")
            let layer = try #require(image.manifests.first?.layers.first)
            let expected = try layer.source.readAll()
            let path = "/v2/library/big/blobs/\(layer.digest)"
            let trust = ["--cacert", authority.caFile]
            let proof = ["--cert", client.certificate, "--key", client.key]
            for clients in [nil, authority.caFile] {
                let identity = TLSIdentity(
                    certificate: server.certificate, key: server.key, clientAuthorities: clients)
                try await rig.serving(tls: identity) { port in
                    for range in [nil, nil, "bytes=500000-"] {
                        let options = trust + proof + (range.map { ["-H", "Range: \($0)"] } ?? [])
                        let result = try await curl(port, path, options, scheme: "https")
                        #expect(result.exit == 0 && result.status == (range == nil ? 200 : 206))
                        #expect(result.body == (range == nil ? expected : Array(expected[500_000...])))
                    }
                    let stranger = try await curl(port, path, trust, scheme: "https")
                    #expect((stranger.exit == 0) == (clients == nil), "exit \(stranger.exit)")
                    let plain = try await curl(port, path)
                    #expect(plain.status == 0 && plain.body.isEmpty)
                }
            }
        }
    }

    @Test func `says what is wrong with its certificate before it listens`() async throws {
        let identity = TLSIdentity(certificate: "/nonexistent/cert.pem", key: "/nonexistent/key.pem")
        let server = HTTPServer(
            listeners: [.tcp(host: "127.0.0.1", port: 0, tls: identity)], handler: Nobody())
        await #expect(throws: ServingError.self) { try await server.run() }
    }
}

private struct Nobody: RequestHandler {
    func respond(to request: ServerRequest) async -> ServerResponse { ServerResponse(status: 204) }
}
