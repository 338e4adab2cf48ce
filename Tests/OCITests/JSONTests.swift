import OCI
import Testing

@Suite struct `JSON text` {
    static let values: [(String, JSON)] = [
        ("null", JSON.null), ("true", true), ("false", false), ("0", 0), ("-0", .number(-0.0)), ("12", 12),
        ("-9223372036854775808", .integer(.min)), ("9223372036854775807", .integer(.max)), ("1.5", .number(1.5)),
        ("1e3", .number(1000)), ("-2.5E-1", .number(-0.25)), (#""""#, ""), (#""aé😀""#, "aé😀"), ("[]", []),
        ("{}", [:]),
        (" [ 1 ,\t2\r\n] ", [1, 2]), (#"{"b":1,"a":[{}]}"#, ["b": 1, "a": [[:]]]),
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\ud83d\ude00\u0000""#, "Aé😀\u{0}"),
    ]

    @Test(arguments: values)
    func `is read for what it says`(text: String, value: JSON) throws {
        #expect(try JSON(parsing: text.utf8) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "+1", "01", "-", "-01", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity",
        "1_0",
        "9223372036854775808", "-9223372036854775809", "1e999", "-1e999", "'a'", #"""#, #""\x""#, #""\u12g4""#,
        #""\u12""#,
        #""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800\ud800""#, "\"\n\"", "\"\u{1f}\"", "[", "[1", "[1,]",
        "[,1]", "[1 2]", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{a:1}"#, #"{"a":1 "b":2}"#, #"{1:2}"#, "1 2",
        "[]]",
        "{}x", "\u{FEFF}{}", "//\n1", "/**/1", #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#,
        #"[{"x":{"a":1,"b":2,"a":3}}]"#,
        "\u{A0}1",
    ])
    func `is refused when a reader could differ about it`(text: String) {
        #expect(throws: OCIError.self) { try JSON(parsing: text.utf8) }
    }

    /// U+0065 U+0301 and U+00E9 are one name to a dictionary of strings, and two to Go.
    @Test func `is refused when two names differ only in how an accent is encoded`() {
        #expect(throws: OCIError.self) { try JSON(parsing: Array(#"{"e\u0301":1,"é":2}"#.utf8)) }
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE9, 0x22],
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0xEF, 0xBB, 0xBF, 0x31], [0xFE, 0xFF, 0x00, 0x31], [0x31, 0x00],
            [0x22, 0x5C, 0x6E, 0xFF, 0x22],
        ] as [[UInt8]])
    func `is refused when it is not UTF-8, or begins with a byte order mark`(bytes: [UInt8]) {
        #expect(throws: OCIError.self) { try JSON(parsing: bytes) }
    }

    @Test func `is refused when nested deeper than allowed`() throws {
        var limits = JSON.Limits()
        limits.depth = 3
        #expect(try JSON(parsing: "[[[]]]".utf8, limits: limits) == [[[]]])
        #expect(throws: OCIError.self) { try JSON(parsing: "[[[[]]]]".utf8, limits: limits) }
        let deep = String(repeating: "[", count: 1 << 20)
        #expect(throws: OCIError.invalidJSON(offset: 64, reason: "nested deeper than 64")) {
            try JSON(parsing: deep.utf8)
        }
        let objects = String(repeating: #"{"a":"#, count: 1 << 18)
        #expect(throws: OCIError.self) { try JSON(parsing: objects.utf8) }
    }

    @Test func `is refused when it holds more values, or more bytes, than allowed`() throws {
        var limits = JSON.Limits()
        limits.values = 4
        limits.bytes = 20
        #expect(try JSON(parsing: "[1,2,3]".utf8, limits: limits) == [1, 2, 3])
        #expect(throws: OCIError.self) { try JSON(parsing: "[1,2,3,4]".utf8, limits: limits) }
        #expect(throws: OCIError.self) {
            try JSON(parsing: ("1" + String(repeating: " ", count: 20)).utf8, limits: limits)
        }
    }

    @Test func `is refused with the place and the reason`() {
        #expect(throws: OCIError.invalidJSON(offset: 7, reason: "the name \"a\" twice")) {
            try JSON(parsing: #"{"a":1,"a":2}"#.utf8)
        }
    }

    @Test func `gives its members by exact name, in order`() throws {
        let object = try JSON(parsing: #"{"b":1,"A":"x","a":[true],"c":null}"#.utf8)
        #expect(object.members?.map(\.key) == ["b", "A", "a", "c"])
        #expect(object["b"]?.integer == 1)
        #expect(object["A"]?.string == "x")
        #expect(object["a"]?.array?.first?.bool == true)
        #expect(object["c"] == .null)
        #expect(object["B"] == nil)
        #expect(object["b"]?.string == nil)
        #expect(JSON.integer(1)["a"] == nil)
    }
}

@Suite struct `JSON written` {
    @Test(arguments: [
        "null", "true", "[]", "{}", "-1", "-0", "1.5", #"{"b":1,"a":[1,"x",{"c":null}]}"#,
        #""\u2028\u2029\u0000\u001f""#,
        #""\"\\/\b\f\n\r\t""#, "\"é😀\u{7f}\"",
    ])
    func `is the text it was read from`(text: String) throws {
        #expect(String(decoding: try JSON(parsing: text.utf8).serialized(), as: UTF8.self) == text)
    }

    @Test func `escapes angle brackets and ampersands only when asked to`() {
        #expect(String(decoding: JSON("<a&b>").serialized(), as: UTF8.self) == #""<a&b>""#)
        #expect(
            String(decoding: JSON("<a&b>").serialized(escapeHTML: true), as: UTF8.self) == #""\u003ca\u0026b\u003e""#)
    }

    @Test func `is indented as docker image inspect does it`() {
        let value: JSON = [["Id": "x", "Empty": [], "None": [:], "List": [1, nil]]]
        let expected = """
            [
                {
                    "Id": "x",
                    "Empty": [],
                    "None": {},
                    "List": [
                        1,
                        null
                    ]
                }
            ]
            """
        #expect(String(decoding: value.serialized(pretty: 4), as: UTF8.self) == expected)
    }

    @Test(arguments: [
        (0.0, "0"), (100.0, "100"), (0.1, "0.1"), (-2.5, "-2.5"), (Double.infinity, "null"), (Double.nan, "null"),
    ])
    func `has plain numbers, and null where JSON has none`(number: Double, text: String) {
        #expect(String(decoding: JSON.number(number).serialized(), as: UTF8.self) == text)
    }

    @Test(arguments: [1e300, Double.leastNonzeroMagnitude, 1.0 / 3, 123_456_789.125, -1e21])
    func `reads back to the same number`(number: Double) throws {
        let read = try JSON(parsing: JSON.number(number).serialized())
        #expect(read == .number(number) || read == .integer(Int64(exactly: number) ?? 0))
    }
}
