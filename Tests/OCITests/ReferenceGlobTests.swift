import OCI
import TestSupport
import Testing

@Suite struct `A pattern` {
    @Test(arguments: [
        ("", "", true), ("", "a", false), ("*", "", true), ("*", "abc", true), ("*", "a/b", false), ("?", "a", true),
        ("?", "/", false), ("?", "", false), ("a*", "abc", true), ("*c", "abc", true), ("a*c*e", "abcde", true),
        ("a*c*f", "abcde", false), ("*/*", "a/b", true), ("*/*", "a/b/c", false), ("[a-c]x", "bx", true),
        ("[^a-c]x", "bx", false), ("[^a-c]x", "dx", true), ("a\\*", "a*", true), ("a\\*", "ab", false),
        ("[\\]]", "]", true), ("[c-a]", "b", false), ("é?", "éü", true), ("[α-ω]", "λ", true),
        ("[^a]", "/", true),
        ("**b", "aab", true), ("a*", "", false),
    ])
    func `matches the whole of a name, stars and question marks stopping at slashes`(
        pattern: String, name: String, expected: Bool
    ) throws {
        #expect(try ReferenceGlob.matches(pattern, name) == expected)
    }

    @Test(arguments: ["[", "a[", "[]", "[]a]", "[a", "[a-", "[a-]", "[-a]", "\\", "a\\", "x[^"])
    func `is refused when it is malformed, whether it would match or not`(pattern: String) {
        #expect(throws: OCIError.invalidReference(pattern, reason: "syntax error in pattern")) {
            try ReferenceGlob.matches(pattern, "zzz")
        }
    }

    @Test func `costs no more than pattern times name`() throws {
        let pattern = String(repeating: "*a", count: 1000) + "b"
        let name = String(repeating: "a", count: 2000)
        var matches = true
        let elapsed = try ContinuousClock().measure { matches = try ReferenceGlob.matches(pattern, name) }
        #expect(!matches)
        #expect(elapsed < .seconds(5))
    }

    @Test func `matches a reference with its tag or without it`() throws {
        let reference = try Reference(parsing: "docker.io/library/worker:1.4")
        for pattern in ["w*", "worker", "worker:1.4", "worker:*"] {
            #expect(try ReferenceGlob.matches(pattern, reference), "\(pattern)")
        }
        for pattern in ["*/*", "library/worker", "docker.io/library/worker", "*:latest"] {
            #expect(try !ReferenceGlob.matches(pattern, reference), "\(pattern)")
        }
    }

    @Test(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
    func `matches as docker matched`() throws {
        // Docker 29.5 also tries other forms (`match_29_5`); layerd answers as the versions before and after it.
        for row in try CorpusFiles.lines("reference/engine-api/vectors/reference_filter.jsonl") {
            let pattern = try #require(row["pattern"]?.string)
            let reference = try Reference(parsing: try #require(row["ref"]?.string))
            guard row["err"]?.string == "" else {
                #expect(throws: OCIError.self, "\(pattern)") { try ReferenceGlob.matches(pattern, reference) }
                continue
            }
            let matches = try ReferenceGlob.matches(pattern, reference)
            #expect(matches == row["match"]?.bool, "\(pattern) \(reference)")
        }
        for row in try CorpusFiles.cases("reference-filter-glob") {
            let pattern = try #require(row["input"]?["pattern"]?.string)
            let reference = try Reference(parsing: try #require(row["input"]?["reference"]?.string))
            let matches = try ReferenceGlob.matches(pattern, reference)
            #expect(matches == row["expected"]?.bool, "\(pattern) \(reference)")
        }
    }
}
