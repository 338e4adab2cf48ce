import OCI
import Registry
import Testing

@testable import EngineAPI

@Suite struct `A version in a path` {
    @Test(arguments: [
        ("/v1.50/info", "1.50", "/info"), ("/info", nil, "/info"), ("/volumes", nil, "/volumes"),
        ("/v1.24/images/v1/json", "1.24", "/images/v1/json"), ("/v1.50", nil, "/v1.50"), ("/v/x", nil, "/v/x"),
        ("/v9.99/info", "9.99", "/info"),
    ])
    func `is divided from the rest`(path: String, version: String?, rest: String) {
        let split = APIVersion.split(path)
        #expect(split.version?.description == version)
        #expect(split.rest == rest)
    }

    @Test func `is compared by number`() {
        #expect(APIVersion(digits: "1.9") < .v1(24))
        #expect(APIVersion(digits: "1.50") == .newest)
        #expect(APIVersion(digits: "1.50.0") == .newest)
        #expect(APIVersion(digits: "2") > .newest)
        #expect(APIVersion(digits: "99999999999999999999.1") > .newest)
    }
}

@Suite struct `A boolean parameter` {
    @Test(arguments: ["", "0", "no", "No", "false", "FALSE", "none", "None", " false "])
    func `is false for what says no`(text: String) { #expect(!dockerBoolean(text)) }

    @Test(arguments: ["1", "true", "True", "yes", "2", "anything"])
    func `is true for anything else`(text: String) { #expect(dockerBoolean(text)) }
}

@Suite struct `The filters parameter` {
    @Test(arguments: [
        "{\"label\":{\"a=b\":true,\"c\":true}}", "{\"label\":[\"a=b\",\"c\"]}", "{\"label\": [\"a=b\", \"c\"]}",
    ])
    func `is read in both shapes`(text: String) throws {
        let filters = try Filters(parsing: text)
        #expect(filters["label"] == ["a=b", "c"])
    }

    @Test(arguments: [nil, "", "{}", "null"])
    func `may be empty`(text: String?) throws { #expect(try Filters(parsing: text).values.isEmpty) }

    @Test(arguments: ["x", "[]", "{\"a\":1}", "{\"a\":{\"b\":1}}", "{\"a\":[1]}", "{\"a\":\"b\"}", "{\"a\":[]"])
    func `is refused when it is neither`(text: String) {
        #expect(throws: EngineError.malformedFilters) { try Filters(parsing: text) }
    }

    @Test func `is refused with a name nobody knows`() throws {
        let filters = try Filters(parsing: "{\"label\":[\"a\"],\"foo\":[\"b\"]}")
        #expect(throws: EngineError.invalidFilter("foo")) { try filters.check(known: ImageFilter.known) }
    }

    @Test(arguments: [("true", true), ("1", true), ("false", false), ("0", false)])
    func `says yes or no`(text: String, expected: Bool) throws {
        #expect(try Filters([("dangling", [text])]).flag("dangling") == expected)
    }

    @Test(arguments: [
        (["maybe"], "dangling=[maybe]"), (["true", "false"], "dangling=[true false]"), ([String](), "dangling"),
    ])
    func `is refused when it says neither yes nor no`(values: [String], name: String) {
        #expect(throws: EngineError.invalidFilter(name)) { try Filters([("dangling", values)]).flag("dangling") }
    }
}

@Suite struct `An until filter` {
    private let now = Timestamp(seconds: 1_767_323_045)

    @Test(arguments: [
        ("24h", 1_767_236_645, 0), ("10m", 1_767_322_445, 0), ("1h30m", 1_767_317_645, 0), ("0", 0, 0),
        ("0s", 1_767_323_045, 0), ("1.5h", 1_767_317_645, 0), ("1ms", 1_767_323_044, 999_000_000),
        ("-1h", 1_767_326_645, 0), ("1700000000", 1_700_000_000, 0), ("1700000000.5", 1_700_000_000, 500_000_000),
        ("1700000000.000000001", 1_700_000_000, 1), ("2025-06-15", 1_749_945_600, 0),
        ("2025-06-15T00", 1_749_945_600, 0), ("2025-06-15T01:02", 1_749_949_320, 0),
        ("2025-06-15T01:02:03", 1_749_949_323, 0), ("2025-06-15T01:02:03Z", 1_749_949_323, 0),
        ("2025-06-15T01:02:03+02:00", 1_749_942_123, 0), ("2025-06-15T01:02:03.5", 1_749_949_323, 500_000_000),
        ("2025-06-15T01:02:03.5Z", 1_749_949_323, 500_000_000), ("2025-06-15Z", 1_749_945_600, 0),
        ("2025-06-15-01:00", 1_749_949_200, 0),
    ])
    func `names a moment`(text: String, seconds: Int64, nanoseconds: Int32) throws {
        #expect(try filterTime(text, now: now) == Timestamp(seconds: seconds, nanoseconds: nanoseconds))
    }

    @Test(arguments: [
        "bogus", "-1", "1d", "", "h", "9223372036854775808", "1.", ".5", "2025-13-01", "2025-06-15T", "1h1",
        "9999999999999h", "2025-06-15T1:2:3:4",
    ])
    func `is refused when it is no time`(text: String) {
        #expect(throws: EngineError.invalidTime(text)) { try filterTime(text, now: now) }
    }
}

@Suite struct `X-Registry-Auth` {
    @Test(arguments: [
        // {"username":"u","password":"p","serveraddress":"r"}, in both alphabets, padded and not
        "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAiLCJzZXJ2ZXJhZGRyZXNzIjoiciJ9",
        // {"username":"u","password":"p"}
        "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAifQ==", "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAifQ",
    ])
    func `gives name and password`(header: String) {
        #expect(Credential(registryAuth: header) == .basic(username: "u", password: "p"))
    }

    @Test(arguments: [
        "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6Ij8_Pz4-PiJ9", "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6Ij8/Pz4+PiJ9",
    ])
    func `may be in either alphabet`(header: String) {
        #expect(Credential(registryAuth: header) == .basic(username: "u", password: "???>>>"))
    }

    @Test func `gives tokens`() {
        #expect(Credential(registryAuth: "eyJpZGVudGl0eXRva2VuIjoidCJ9") == .identityToken("t"))
        #expect(Credential(registryAuth: "eyJyZWdpc3RyeXRva2VuIjoidCJ9") == .registryToken("t"))
    }

    @Test(arguments: [nil, "", "e30=", "e30", "%%%", "bm90IGpzb24=", "W10=", "eyJ1c2VybmFtZSI6MX0=", "="])
    func `is ignored when it says nothing`(header: String?) { #expect(Credential(registryAuth: header) == nil) }
}
