import OCI
import Testing

/// Takes well-formed texts apart and puts them together wrongly. A parser that traps ends the process, and with it
/// every test; what is accepted must be read back from what is written.
@Suite struct `Mutated text` {
    private static let documents = [
        """
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":\
        "application/vnd.oci.image.config.v1+json","digest":"\(digestText)","size":2,"data":"e30="},"layers":[\
        {"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"\(digestText)","size":9223372036854775,\
        "annotations":{"a":"\\u00e9\\ud83d\\ude00"}}],"annotations":{"x":"y"}}
        """,
        """
        {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":\
        "\(digestText)","size":12,"platform":{"os":"linux","architecture":"arm","variant":"v7","os.features":["a"]}},\
        {"mediaType":"application/vnd.docker.distribution.manifest.v2+json","digest":"\(digestText)","size":-0}]}
        """,
        """
        {"architecture":"amd64","os":"linux","created":"2026-01-02T03:04:05.678901234+01:00","rootfs":{"type":"layers",\
        "diff_ids":["\(digestText)"]},"config":{"Labels":{"é":"\\n"}},"history":[{"empty_layer":true}],"x":[1.5e-3,[]]}
        """,
    ]
    private static let references = [
        "docker.io/library/alpine:3.20@" + digestText, "[2001:db8::1]:5000/a/b__c-d.e:tag", "localhost:5000/x",
        "alpine",
    ]
    private static let others = [
        "linux/arm64/v8", "windows(10.0.17763+win32k)/amd64", "linux(%2B+a)/386", "2026-01-02T03:04:05.678901234+01:00",
        "w[a-z]?*\\*", digestText,
    ]

    @Test func `is read or refused as JSON and as documents`() throws {
        var random = SplitMix64(seed: 1)
        var read = 0
        for round in 0..<6000 {
            let bytes = mutated(Array(Self.documents[round % 3].utf8), &random)
            if let value = try? JSON(parsing: bytes) {
                read += 1
                let written = value.serialized()
                #expect(try JSON(parsing: written).serialized() == written)
                #expect(try JSON(parsing: value.serialized(escapeHTML: true, pretty: 2)).serialized() == written)
            }
            if case .index(let index)? = try? ManifestDocument(parsing: bytes, mediaType: nil) {
                #expect(index.candidates(for: .host).count <= index.manifests.count)
            }
            _ = try? ImageConfig(parsing: bytes)
        }
        #expect(read > 100, "mutations that leave nothing readable test nothing")
    }

    @Test func `is read or refused as a reference`() throws {
        var random = SplitMix64(seed: 2)
        var read = 0
        for round in 0..<6000 {
            let text = String(decoding: mutated(Array(Self.references[round % 4].utf8), &random), as: UTF8.self)
            guard let reference = try? Reference(parsing: text) else { continue }
            read += 1
            #expect(try Reference(parsing: reference.description) == reference)
            #expect(try Reference(parsing: reference.familiar) == reference)
        }
        #expect(read > 100, "mutations that leave nothing readable test nothing")
    }

    @Test func `is read or refused as a platform, a timestamp, a digest and a pattern`() throws {
        var random = SplitMix64(seed: 3)
        var read = 0
        for round in 0..<6000 {
            let text = String(decoding: mutated(Array(Self.others[round % 6].utf8), &random), as: UTF8.self)
            if let platform = try? Platform(parsing: text) {
                read += 1
                #expect(try Platform(parsing: platform.description).normalized == platform.normalized, "\(text)")
                _ = PlatformMatcher(platform).rank(.host)
            }
            if let timestamp = try? Timestamp(parsing: text) {
                read += 1
                #expect(try Timestamp(parsing: timestamp.description) == timestamp)
            }
            if let digest = try? Digest(parsing: text) { #expect(digest.description == text) }
            _ = try? ReferenceGlob.matches(text, "worker:1.4")
        }
        #expect(read > 100, "mutations that leave nothing readable test nothing")
    }

    /// One to three of: a byte changed, a piece cut, doubled, moved or exchanged for something nasty.
    private func mutated(_ original: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        let nasty = [
            "\"", "{", "[", "]", "}", ",", ":", "\\u0000", "\\ud800", "\u{FEFF}", "99999999999999999999", "-1", "1e400",
            "/",
            "@", "%", "\0", "é", "null", "--", "__", "..",
        ]
        var bytes = original
        for _ in 0...Int.random(in: 0...2, using: &random) {
            guard !bytes.isEmpty else { return bytes }
            let start = Int.random(in: 0..<bytes.count, using: &random)
            let piece = start..<min(bytes.count, start + Int.random(in: 1...12, using: &random))
            switch Int.random(in: 0...4, using: &random) {
            case 0: bytes[start] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.removeSubrange(piece)
            case 2: bytes.insert(contentsOf: bytes[piece], at: start)
            case 3: bytes.insert(contentsOf: bytes[piece], at: Int.random(in: 0...bytes.count, using: &random))
            default: bytes.replaceSubrange(piece, with: Array(nasty.randomElement(using: &random)?.utf8 ?? "".utf8))
            }
        }
        return bytes
    }
}

/// The same numbers in every run.
private struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
