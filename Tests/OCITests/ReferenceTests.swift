import Testing

@testable import OCI

private let identifier = String(repeating: "a", count: 64)
private let digest = "sha256:\(identifier)"
private let digest512 = "sha512:\(String(repeating: "b", count: 128))"

@Suite struct `A reference` {
    static let forms: [(String, String, String)] = [
        ("alpine", "docker.io/library/alpine", "alpine"),
        ("alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"),
        ("library/alpine", "docker.io/library/alpine", "alpine"),
        ("docker.io/alpine", "docker.io/library/alpine", "alpine"),
        ("index.docker.io/alpine", "docker.io/library/alpine", "alpine"),
        ("diamol/ch03-web-ping", "docker.io/diamol/ch03-web-ping", "diamol/ch03-web-ping"),
        ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("localhost/x", "localhost/x", "localhost/x"),
        ("localhost:5000/x:1", "localhost:5000/x:1", "localhost:5000/x:1"),
        ("REGISTRY/x", "REGISTRY/x", "REGISTRY/x"),
        ("ghcr.io/o/r:v1", "ghcr.io/o/r:v1", "ghcr.io/o/r:v1"),
        ("[::1]:5000/x", "[::1]:5000/x", "[::1]:5000/x"),
        ("ghcr.io", "docker.io/library/ghcr.io", "ghcr.io"),
        ("192.168.0.1:80", "docker.io/library/192.168.0.1:80", "192.168.0.1:80"),
        ("a__b--c/d.e_f", "docker.io/a__b--c/d.e_f", "a__b--c/d.e_f"),
        ("docker.io/libr.ary/a", "docker.io/libr.ary/a", "docker.io/libr.ary/a"),
        ("docker.io/localhost/a", "docker.io/localhost/a", "docker.io/localhost/a"),
        ("library/\(identifier)", "docker.io/library/\(identifier)", "docker.io/library/\(identifier)"),
        ("alpine@\(digest)", "docker.io/library/alpine@\(digest)", "alpine@\(digest)"),
        ("alpine:3@\(digest512)", "docker.io/library/alpine:3@\(digest512)", "alpine:3@\(digest512)"),
    ]

    @Test(arguments: forms)
    func `has a canonical and a familiar form`(text: String, canonical: String, familiar: String) throws {
        let reference = try Reference(parsing: text)
        #expect(reference.description == canonical)
        #expect(reference.familiar == familiar)
    }

    @Test(arguments: forms)
    func `is the same whichever form it was parsed from`(text: String, canonical: String, familiar: String) throws {
        let reference = try Reference(parsing: text)
        #expect(try Reference(parsing: canonical) == reference)
        #expect(try Reference(parsing: familiar) == reference)
    }

    static let malformed: [String] = [
        "", " ", "a b", "Alpine", "a/B", "-a", "a-", "_a", "a_", "a..b", "a._b", "a___b", "a//b", "/a", "a/", "a:",
        "a:b:c", "a:-x", "a:.x", "a@", "a@sha256:", "a@sha256:abc", "a@md5:\(identifier.prefix(32))",
        "a@\(digest.uppercased())", "a@sha256:\(identifier.uppercased())",
        "a@sha384:\(identifier)\(identifier.prefix(32))",
        "@\(digest)", ":tag", "https://ghcr.io/a", "[::1", "[::1]:5000", "[::1%eth0]:5000/a", "-x.io/a", "x-.io/a",
        "../a", "a/../b", "a/%2e%2e%2fb", "_uploads/a", "\u{430}lpine", String(repeating: "a", count: 254) + "!",
        String(repeating: "a", count: 1 << 20), "latest@sha256:\(identifier)@x",
        "x..io/a", "x_y.io/a", "x.io:/a", "x.io:80a/b", "é", "a\u{0}b", "a:é", identifier, "a@\(digest)@\(digest)",
        "a:\(identifier)\(identifier)t", "\(String(repeating: "a", count: 256))/b",
        "\(String(repeating: "a.", count: 130))io/b",
    ]

    @Test(arguments: malformed)
    func `is refused when it is malformed`(text: String) {
        // Docker's expression reads "x_y.io/a" as a path of two components in no registry; nothing can be pulled from
        // there, so layerd says so at once.
        #expect(throws: OCIError.self) { try Reference(parsing: text) }
    }

    @Test func `may have a path of 255 characters and a tag of 128`() throws {
        let text = "ghcr.io/" + String(repeating: "a", count: 255) + ":" + String(repeating: "t", count: 128)
        #expect(try Reference(parsing: text).description == text)
    }

    @Test func `says in its refusal that names are in lower case`() {
        #expect(throws: OCIError.invalidReference("Alpine", reason: "repository name must be lowercase")) {
            try Reference(parsing: "Alpine")
        }
    }

    @Test func `gets the tag latest only when it has neither tag nor digest`() throws {
        #expect(try Reference(parsing: "a").withDefaultTag.familiar == "a:latest")
        #expect(try Reference(parsing: "a:1").withDefaultTag.familiar == "a:1")
        #expect(try Reference(parsing: "a@\(digest)").withDefaultTag.familiar == "a@\(digest)")
    }

    @Test func `is pulled by its digest when it has one, and by its tag else`() throws {
        #expect(try Reference(parsing: "a:1@\(digest)").forPull.familiar == "a@\(digest)")
        #expect(try Reference(parsing: "a:1").forPull.familiar == "a:1")
        #expect(try Reference(parsing: "a").forPull.familiar == "a:latest")
    }

    @Test(arguments: ["latest", "_", "1", "v1.2-rc_3", String(repeating: "x", count: 128)])
    func `takes a tag of letters, digits, underscores, dots and hyphens`(tag: String) throws {
        try Reference.checkTag(tag)
        #expect(try Reference(parsing: "a:" + tag).tag == tag)
    }

    @Test(arguments: ["", ".a", "-a", "a/b", "a b", "é", String(repeating: "x", count: 129)])
    func `takes no other tag`(tag: String) {
        #expect(throws: OCIError.self) { try Reference.checkTag(tag) }
    }

    /// A scanner that goes back needs minutes or centuries for these.
    @Test func `is refused in time proportional to its length, even where no length is refused`() {
        let size = 1 << 18
        let hostile = [
            "one component": String(repeating: "a", count: size),
            "hyphens": String(repeating: "a-", count: size / 2),
            "slashes, and a capital": String(repeating: "a/", count: size / 2) + "A",
            "underscores": String(repeating: "_", count: size),
            "one long separator": "a" + String(repeating: "-", count: size),
            "many separators": "x.io/" + String(repeating: "a__", count: size / 3) + "!",
            "labels": String(repeating: "a.", count: size / 2) + "/x",
            "colons in brackets": "[" + String(repeating: ":", count: size),
            "algorithms": "a@" + String(repeating: "a+", count: size / 2) + ":x",
            "a tag": "a:" + String(repeating: "t", count: size),
            "ats": String(repeating: "@", count: size),
            "only slashes": String(repeating: "/", count: size),
            "beyond ASCII": String(repeating: "é", count: size / 2),
        ]
        let elapsed = ContinuousClock().measure {
            for (what, text) in hostile {
                #expect(throws: OCIError.self, "\(what)") { try Reference(parsing: text) }
                #expect(throws: OCIError.self, "\(what)") { try ReferenceGrammar.parse(text, of: "") }
            }
        }
        // 3 MB in about 2 s unoptimised; the bound is generous for a loaded machine.
        #expect(elapsed < .seconds(20))
    }
}

@Suite struct `A repository` {
    @Test func `is parsed from a name without tag and digest`() throws {
        let repository = try Repository(parsing: "alpine")
        #expect(repository.domain == "docker.io")
        #expect(repository.path == "library/alpine")
        #expect(repository.description == "docker.io/library/alpine")
        #expect(repository.familiar == "alpine")
    }

    @Test(arguments: ["alpine:3", "alpine@\(digest)", "", "A"])
    func `is refused with a tag, a digest or a bad name`(name: String) {
        #expect(throws: OCIError.self) { try Repository(parsing: name) }
    }
}
