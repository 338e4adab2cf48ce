import Catalogue
import OCI
import Pulling
import Registry
import Serving
import Testing

@testable import NativeAPI

/// Two images of two layers each, of which the second differs.
struct FixedComparer: ImageComparing {
    func compare(
        from: String, to: String, platform: Platform?, credential: Credential?
    ) async throws -> ImageComparison {
        ImageComparison(from: try chain(from, 2), to: try chain(to, 3))
    }

    private func chain(_ name: String, _ top: UInt8) throws -> ImageChain {
        func digest(_ byte: UInt8) -> Digest { Digest(.sha256, bytes: [UInt8](repeating: byte, count: 32)) }
        let layers = [1, top].map { Descriptor(mediaType: .ociLayerGzip, digest: digest($0), size: 100) }
        let config = try ImageConfig(
            parsing: Array(
                """
                {"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["\(digest(1))",
                "\(digest(top))"]},"history":[{"created_by":"FROM"},{"created_by":"COPY app"}]}
                """.utf8))
        return ImageChain(
            name: name, digest: digest(9),
            manifest: Manifest(config: Descriptor(mediaType: .ociConfig, digest: digest(8), size: 1), layers: layers),
            config: config, isHere: true)
    }
}

@Suite struct `The compare route` {
    private func respond(_ target: String) async throws -> JSON {
        guard case .bytes(let bytes) = try await NativeRig().respond("GET", target)?.body else { return .null }
        return try JSON(parsing: bytes.dropLast())
    }

    @Test func `tells where the chains part, and what it costs`() async throws {
        let report = try await respond("/layerd/v1/compare?from=app:1&to=app:2")
        #expect(report["commonLayers"] == 1 && report["commonBytes"] == 100 && report["bytesToFetch"] == 100)
        #expect(report["from"]?["image"] == "app:1" && report["to"]?["bytes"] == 200)
        #expect(report["firstDifference"]?["step"] == 1 && report["firstDifference"]?["sameInstruction"] == true)
        #expect(report["layers"]?.array?.compactMap { $0["relation"]?.string } == ["common", "rebuilt"])
        #expect(report["advice"] == .null)
    }

    @Test(arguments: ["", "?from=a", "?to=b", "?from=&to=b"])
    func `wants two images`(query: String) async throws {
        #expect(try await respond("/layerd/v1/compare" + query)["message"]?.string?.contains("?from=NAME") == true)
    }
}
