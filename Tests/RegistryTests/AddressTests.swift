import Testing

@testable import Registry

@Suite struct `A web address` {
    @Test(arguments: [
        "ftp://a.example/", "file:///etc/passwd", "a.example", "//a.example", "http://", "https:///x",
        "https://user@a.example/", "https://user:secret@a.example/", "https://a.example:0/", "https://a.example:65536/",
        "https://a.example:/", "https://a.example:80:80/", "https://a_%61.example/", "https://a.example\\@b.example/",
        "https://a.example/ x", "https://a.example/\n", "https://ä.example/", "https://[::1", "https://[::g]/",
        "https://[fe80::1%25eth0]/", "https://.a.example/", "javascript:alert(1)",
    ])
    func `is refused when readers could differ about it`(text: String) {
        #expect(WebAddress(text) == nil)
    }

    @Test(arguments: [
        ("HTTPS://A.Example", "https://a.example"), ("http://a.example:80/x?y#z", "http://a.example/x?y"),
        ("https://a.example:8443", "https://a.example:8443"), ("https://[::1]:5000/v2/", "https://[::1]:5000/v2/"),
        ("https://a.example?x=1", "https://a.example?x=1"), ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ])
    func `is written in one form`(text: String, form: String) {
        #expect(WebAddress(text)?.description == form)
    }

    @Test(arguments: [
        ("/x", "https://r.example/x"), ("//c.example/x", "https://c.example/x"), ("?n=2", "https://r.example/v2/a?n=2"),
        ("b?n=2", "https://r.example/v2/b?n=2"), ("http://c.example", "http://c.example"), ("a:b", nil), ("", nil),
        ("./b:c", "https://r.example/v2/./b:c"),
    ])
    func `resolves what is relative to it`(location: String, target: String?) throws {
        let base = try #require(WebAddress("https://r.example/v2/a?n=1"))
        #expect(base.resolving(location)?.description == target)
    }
}

@Suite struct `A redirect` {
    static let allowed = [
        "https://cdn.example/x?sig=1", "/other", "https://r.example:8443/x", "https://203.0.113.9/x",
        "https://8.8.8.8/",
    ]
    static let refused = [
        "http://cdn.example/x", "ftp://cdn.example/", "file:///etc/passwd", "https://127.0.0.1/", "https://127.1/",
        "https://0x7f.1/", "https://2130706433/", "https://0177.0.0.1/", "https://0/", "https://localhost/",
        "https://x.localhost./", "https://10.0.0.1/", "https://172.31.0.1/", "https://192.168.1.1/",
        "https://100.100.100.200/", "https://169.254.169.254/latest/meta-data", "https://0xa9fea9fe/",
        "https://[fe80::1]/", "https://[::1]/", "https://[::]/", "https://[fd00:ec2::254]/",
        "https://[::ffff:169.254.169.254]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::a9fe:a9fe]/",
        "https://[2002:a9fe:a9fe::1]/", "https://224.0.0.1/", "https://[ff02::1]/", "https://user@cdn.example/",
        "https://127.0.0.1./",
    ]

    @Test(arguments: allowed) func `may leave for another public place`(location: String) throws {
        #expect(throws: Never.self) { try follow(location, registry: "https://r.example/v2/x") }
    }

    @Test(arguments: refused) func `may not lead inside, down to http, or nowhere`(location: String) throws {
        #expect(throws: RegistryError.Reason.self) { try follow(location, registry: "https://r.example/v2/x") }
    }

    @Test(arguments: [
        "http://127.0.0.1:9000/x", "http://10.1.2.3/x", "http://[::1]:9000/x", "https://cdn.example/",
        "http://localhost/",
    ])
    func `of a registry inside may stay inside`(location: String) throws {
        #expect(throws: Never.self) { try follow(location, registry: "http://127.0.0.1:5000/v2/x") }
    }

    @Test(arguments: ["http://169.254.169.254/", "http://[fe80::1]/"])
    func `never leads to link-local addresses`(location: String) throws {
        #expect(throws: RegistryError.Reason.self) { try follow(location, registry: "http://127.0.0.1:5000/v2/x") }
    }

    @Test func `is judged by where it leads from, not by where it all began`() throws {
        let registry = try #require(WebAddress("http://r.example/"))
        let here = try #require(WebAddress("https://cdn.example/"))
        #expect(throws: RegistryError.Reason.self) {
            try RedirectRule.target("http://cdn.example/", from: here, registry: registry)
        }
    }

    private func follow(_ location: String, registry: String) throws {
        let registry = try #require(WebAddress(registry))
        _ = try RedirectRule.target(location, from: registry, registry: registry)
    }
}

@Suite struct `A token realm` {
    static let cases: [(registry: String, realm: String, allowed: Bool)] = [
        ("https://registry-1.docker.io", "https://auth.docker.io/token", true),
        ("https://ghcr.io", "https://ghcr.io/token", true),
        ("https://r.example:5000", "https://r.example:5001/auth", true),
        ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth", true),
        ("https://registry.corp.co.uk", "https://auth.corp.co.uk/t", true),
        ("https://registry.corp.co.uk", "https://evil.co.uk/t", false),
        ("https://mine.azurecr.io", "https://mine.azurecr.io/oauth2/token", true),
        ("https://mine.azurecr.io", "https://yours.azurecr.io/oauth2/token", false),
        ("https://r.example", "https://evil.test/t", false),
        ("https://registry-1.docker.io", "https://auth.docker.io.evil.test/t", false),
        ("https://registry-1.docker.io", "https://evildocker.io/t", false),
        ("https://registry-1.docker.io", "http://auth.docker.io/token", false),
        ("https://registry-1.docker.io", "https://169.254.169.254/token", false),
        ("https://registry-1.docker.io", "https://127.0.0.1/token", false),
        ("https://registry-1.docker.io", "https://localhost/token", false),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", true),
        ("http://127.0.0.1:5000", "http://127.0.0.2:5001/token", false),
        ("http://127.0.0.1:5000", "https://127.0.0.1/token", true),
        ("http://r.example", "http://auth.r.example/token", true),
        ("http://localhost:5000", "http://localhost:5001/token", true),
        ("http://10.0.0.1", "http://10.0.0.2/token", false),
        ("https://registry", "https://auth/token", false),
        ("https://registry", "https://registry/token", true),
        ("https://r.example.", "https://auth.r.example/token", true),
    ]

    @Test(arguments: cases)
    func `is trusted only within the registry's own domain`(registry: String, realm: String, allowed: Bool) throws {
        let registry = try #require(WebAddress(registry))
        let realm = try #require(WebAddress(realm))
        #expect(RealmRule.allows(realm, for: registry, configured: []) == allowed)
    }

    @Test(arguments: [
        ("https://auth.other.test/token", true), ("https://auth.other.test:444/token", false),
        ("http://auth.other.test/token", false), ("https://10.0.0.9:8443/token", true),
    ])
    func `is trusted elsewhere when the configuration names it`(realm: String, allowed: Bool) throws {
        let registry = try #require(WebAddress("https://r.example"))
        let realm = try #require(WebAddress(realm))
        let configured = ["https://auth.other.test", "https://10.0.0.9:8443/token"]
        #expect(RealmRule.allows(realm, for: registry, configured: configured) == allowed)
    }
}
