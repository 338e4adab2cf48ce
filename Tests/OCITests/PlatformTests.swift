import OCI
import Testing

private let host = Platform(os: "linux", architecture: "arm", variant: "v6")

@Suite struct `A platform` {
    @Test(arguments: [
        ("linux/amd64", "linux/amd64"), ("LINUX/x86_64", "linux/amd64"), ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64/v8"), ("linux/arm64", "linux/arm64"), ("linux/armhf", "linux/arm"),
        ("linux/armel", "linux/arm/v6"), ("linux/arm/7", "linux/arm/v7"), ("linux/i386", "linux/386"),
        ("linux/amd64/v1", "linux/amd64"), ("linux/amd64/v3", "linux/amd64/v3"), ("macos/arm64", "darwin/arm64"),
        ("amd64", "linux/amd64"), ("aarch64", "linux/arm64"), ("linux", "linux/arm/v6"), ("windows", "windows/arm/v6"),
        ("windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"), ("linux(+b+a)/amd64", "linux(+a+b)/amd64"),
        ("windows(10.0%2Bx+win32k)/amd64", "windows(10.0%2Bx+win32k)/amd64"), ("plan9/vax", "plan9/vax"),
        ("linux/arm64/8", "linux/arm64/v8"),
    ])
    func `is parsed from a specifier, and completed from the host`(specifier: String, formatted: String) throws {
        #expect(try Platform(parsing: specifier, host: host).description == formatted)
    }

    @Test(arguments: [
        "", "/", "linux/", "/amd64", "linux//v7", "a/b/c/d", "linux/arm/v7/x/y", "lin ux/arm", "linux/ar m", "all", "*",
        "linux/*", "linux(", "linux)/amd64", "linux(1", "linux(1)x/amd64", "linux(1+)/amd64", "linux(%zz)/amd64",
        "linux(%ff)/amd64", "li.nux/amd64", "linux/é", String(repeating: "/", count: 100_000),
    ])
    func `is refused when the specifier is malformed, unknown or a wildcard`(specifier: String) {
        #expect(throws: OCIError.self) { try Platform(parsing: specifier) }
    }

    @Test func `is refused in docker's words`() {
        #expect(
            throws: OCIError.invalidPlatform(
                "foo/bar/baz/qux", reason: "cannot parse platform specifier: invalid argument")
        ) { try Platform(parsing: "foo/bar/baz/qux") }
    }

    @Test(arguments: [
        (Platform(os: "Linux", architecture: "ARM"), "linux/arm/v7"),
        (Platform(os: "linux", architecture: "arm64", variant: "v8"), "linux/arm64"),
        (Platform(os: "linux", architecture: "arm64", variant: "V9.0"), "linux/arm64/v9"),
        (Platform(os: "linux", architecture: "x86-64", variant: "v1"), "linux/amd64"),
        (Platform(os: "macOS", architecture: "i386", variant: "x"), "darwin/386"),
        (Platform(os: "linux", architecture: "s390x", variant: ""), "linux/s390x"),
        (Platform(os: "linux", architecture: "amd64", osFeatures: ["b", "a", "b"]), "linux(+a+b)/amd64"),
    ])
    func `has one normal form`(platform: Platform, formatted: String) {
        #expect(platform.normalized.description == formatted)
        #expect(platform.normalized.normalized == platform.normalized)
    }

    @Test func `of attestations is unknown`() {
        #expect(Platform(os: "unknown", architecture: "unknown").isUnknown)
        #expect(!Platform(os: "linux", architecture: "unknown").isUnknown)
    }

    @Test func `of the host is linux`() {
        #expect(Platform.host.os == "linux")
        #expect(Platform.host.normalized.architecture == Platform.host.architecture)
    }
}

@Suite struct `Matching platforms` {
    @Test(arguments: [
        ("linux/amd64", ["linux/amd64", "linux/386"]),
        ("linux/amd64/v3", ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"]),
        ("linux/arm/v7", ["linux/arm", "linux/arm/v6", "linux/arm/v5"]),
        ("linux/arm64", ["linux/arm64/v8", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]),
        ("linux/arm64/v8.2", ["linux/arm64/v8.2", "linux/arm64/v8.1", "linux/arm64", "linux/arm/v8"]),
        ("linux/s390x", ["linux/s390x"]), ("linux/arm64/v99", ["linux/arm64/v99"]),
        ("linux(+a+b)/amd64", ["linux(+a+b)/amd64", "linux(+a)/amd64", "linux/amd64", "linux(+b)/386", "linux/386"]),
    ])
    func `ranks candidates as containerd does`(wanted: String, candidates: [String]) throws {
        let matcher = PlatformMatcher(try Platform(parsing: wanted))
        let ranks = try candidates.map { matcher.rank(try Platform(parsing: $0)) }
        #expect(!ranks.contains(nil))
        #expect(ranks.first == 0)
        #expect(ranks.compactMap(\.self) == Set(ranks.compactMap(\.self)).sorted())
    }

    @Test(arguments: [
        ("linux/amd64", "linux/amd64/v2"), ("linux/amd64", "windows/amd64"), ("linux/386", "linux/amd64"),
        ("linux/arm/v6", "linux/arm/v7"), ("linux/arm64", "linux/arm/v4"), ("linux/amd64", "linux(+x)/amd64"),
        ("linux/amd64/v999999999999", "linux/amd64/v2"), ("linux/amd64/v999", "linux/amd64"),
    ])
    func `finds no match where none would run`(wanted: String, candidate: String) throws {
        #expect(PlatformMatcher(try Platform(parsing: wanted)).rank(try Platform(parsing: candidate)) == nil)
    }

    @Test func `takes no other variant or architecture when strict`() throws {
        let matcher = PlatformMatcher(try Platform(parsing: "linux/arm64"), strict: true)
        #expect(matcher.rank(try Platform(parsing: "linux/arm64/v8")) == 0)
        #expect(matcher.rank(try Platform(parsing: "linux/arm/v7")) == nil)
    }

    @Test(arguments: [
        ("10.0.17763.1", "10.0.17763.9", true), ("10.0.17763", "10.0.20348", false), ("10.0.22621", "10.0.20348", true),
        ("10.0.26100", "10.0.20348", true), ("10.0.26200", "10.0.20348", false), ("10.0.20348", "6.3.20348", false),
        ("10.0.20348", "nonsense", false), ("nonsense", "10.0.20348", true), ("10.0.99999", "10.0.1", true),
    ])
    func `compares builds on Windows`(host: String, container: String, expected: Bool) {
        let wanted = Platform(os: "windows", architecture: "amd64", osVersion: host)
        let candidate = Platform(os: "windows", architecture: "amd64", osVersion: container, osFeatures: ["win32k"])
        #expect((PlatformMatcher(wanted).rank(candidate) != nil) == expected)
    }
}
