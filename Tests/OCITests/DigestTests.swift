import Hashing
import OCI
import TestSupport
import Testing

@Suite struct `A digest` {
    static let texts: [String] = [
        "sha256:\(String(repeating: "e", count: 64))", "sha512:\(String(repeating: "0a", count: 64))",
    ]

    @Test(arguments: texts) func `reads back as it was written`(text: String) throws {
        #expect(try Digest(parsing: text).description == text)
    }

    static let malformed: [String] = [
        "", "sha256", "sha256:", "sha256:\(String(repeating: "e", count: 63))",
        "sha256:\(String(repeating: "e", count: 65))", "sha256:\(String(repeating: "E", count: 64))",
        "sha512:\(String(repeating: "e", count: 64))", "sha384:\(String(repeating: "e", count: 96))",
        "SHA256:\(String(repeating: "e", count: 64))", "sha256:\(String(repeating: "é", count: 32))",
        "sha256:\(String(repeating: "e", count: 64)):", "sha256:../../\(String(repeating: "e", count: 58))",
        "sha256:\(String(repeating: "e", count: 64))\0", "sha256:\(String(repeating: "e", count: 64))\n",
        "md5:\(String(repeating: "e", count: 32))", "sha256:\(String(repeating: "\u{661}", count: 32))",
        String(repeating: "sha256", count: 100_000),
    ]

    @Test(arguments: malformed)
    func `is refused unless it is sha256 or sha512 in lower-case hex of the right length`(text: String) {
        #expect(throws: OCIError.invalidDigest(text)) { try Digest(parsing: text) }
    }

    @Test func `orders as its text does`() throws {
        let digests = try [
            "sha256:\(String(repeating: "0", count: 63))1", "sha256:\(String(repeating: "f", count: 64))",
            "sha512:\(String(repeating: "0", count: 128))", "sha256:00" + String(repeating: "f", count: 62),
            "sha512:\(String(repeating: "0", count: 127))1", "sha256:\(String(repeating: "0", count: 64))",
        ].map { try Digest(parsing: $0) }
        #expect(digests.sorted().map(\.description) == digests.map(\.description).sorted())
    }

    @Test func `gives its bytes, its hex and twelve digits of it`() throws {
        let digest = Digest(.sha256, bytes: (0..<32).map { UInt8($0) })
        #expect(digest.bytes == (0..<32).map { UInt8($0) })
        #expect(digest.hex.hasPrefix("000102030405060708090a0b"))
        #expect(digest.short == "000102030405")
        #expect(digest.algorithm == .sha256)
    }

    @Test(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
    func `passes the corpus's table of valid and invalid digests`() throws {
        // Unregistered algorithms are well formed there and "unsupported"; layerd computes sha256 and sha512 only, so
        // to it they are invalid, as the table's `valid` says.
        for row in try CorpusFiles.cases("digest-validate") {
            let text = try #require(row["input"]?.string)
            let isValid = (try? Digest(parsing: text)) != nil
            #expect(isValid == row["expected"]?["valid"]?.bool, "\(row["id"]?.string ?? "")")
        }
    }
}

@Suite struct `A digester` {
    @Test func `computes the digests of FIPS 180-4's example`() {
        let bytes = Array("abc".utf8)
        #expect(
            Digest.sha256(of: bytes).hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        var digester = Digester(.sha512)
        digester.update(bytes)
        #expect(digester.finalize().hex.hasPrefix("ddaf35a193617abacc417349ae204131"))
    }

    @Test(arguments: Digest.Algorithm.allCases)
    func `gives the same digest for the same bytes in any portions`(algorithm: Digest.Algorithm) {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var whole = Digester(algorithm)
        whole.update(bytes)
        var portions = Digester(algorithm)
        for start in stride(from: 0, to: bytes.count, by: 777) {
            portions.update(bytes[start..<min(start + 777, bytes.count)].span.bytes)
        }
        #expect(portions.finalize() == whole.finalize())
    }

    @Test func `goes on from a copy made half way`() {
        var digester = Digester()
        digester.update(Array("half".utf8))
        var copy = digester
        copy.update(Array(" and half".utf8))
        #expect(copy.finalize() == .sha256(of: Array("half and half".utf8)))
        #expect(digester.finalize() == .sha256(of: Array("half".utf8)))
    }

    @Test func `matches the digest of the bytes and no other`() {
        let bytes = Array("layer".utf8)
        #expect(Digest.sha256(of: bytes).matches(bytes))
        #expect(!Digest.sha256(of: bytes).matches(bytes + [0]))
        var digester = Digester(.sha512)
        digester.update(bytes)
        #expect(digester.finalize().matches(bytes))
    }

    @Test(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
    func `passes the corpus's tables of computed digests`() throws {
        for row in try CorpusFiles.cases("digest-compute") {
            let input = try #require(row["input"])
            let bytes =
                input["text"]?.string.map { Array($0.utf8) } ?? input["hex"]?.string.map(bytes(hex:))
                ?? input["zero_bytes"]?.integer.map { [UInt8](repeating: 0, count: Int($0)) }
            let content = try #require(bytes, "\(row)")
            for algorithm in Digest.Algorithm.allCases {
                guard let expected = row["expected"]?[algorithm.rawValue]?.string else { continue }
                #expect(try Digest(parsing: expected).matches(content), "\(row["id"]?.string ?? "")")
            }
        }
        for row in try CorpusFiles.cases("manifest-digest") {
            let file = try #require(row["file"]?.string)
            let content = try CorpusFiles.bytes("corpus/public/manifests/" + file)
            for algorithm in ["sha256", "sha512"] {
                let expected = try #require(row[algorithm]?.string)
                #expect(try Digest(parsing: expected).matches(content), "\(file)")
            }
        }
    }
}

private func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0..<$0 + 2]), radix: 16) }
}
