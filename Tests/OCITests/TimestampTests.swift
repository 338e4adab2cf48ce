import OCI
import Testing

@Suite struct `A timestamp` {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0, 0), ("2026-11-13T23:59:28.123456789Z", 1_794_614_368, 123_456_789),
        ("2000-02-29T12:00:00Z", 951_825_600, 0), ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0), ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
        ("2016-12-31T23:59:59Z", 1_483_228_799, 0), ("0000-01-01T00:00:00Z", -62_167_219_200, 0),
    ])
    func `is seconds and nanoseconds in UTC, and reads back`(text: String, seconds: Int64, nanoseconds: Int32) throws {
        let timestamp = try Timestamp(parsing: text)
        #expect(timestamp == Timestamp(seconds: seconds, nanoseconds: nanoseconds))
        #expect(timestamp.description == text)
    }

    @Test(arguments: [
        ("2026-01-01T01:30:00+01:30", "2026-01-01T00:00:00Z"), ("2025-12-31T22:00:00-02:00", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00.120000000Z", "2026-01-01T00:00:00.12Z"),
        ("2026-01-01T00:00:00.000000000Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00.1234567899999Z", "2026-01-01T00:00:00.123456789Z"),
    ])
    func `is written in UTC without trailing zeros`(text: String, written: String) throws {
        #expect(try Timestamp(parsing: text).description == written)
    }

    @Test(arguments: [
        "", "2026", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-01-01t00:00:00z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00Zx", "+026-01-01T00:00:00Z", "9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01",
        "２026-01-01T00:00:00Z",
    ])
    func `is refused when it is malformed or no moment`(text: String) {
        #expect(throws: OCIError.invalidTimestamp(text)) { try Timestamp(parsing: text) }
    }

    @Test func `orders by seconds, then by nanoseconds`() {
        let ordered = [
            Timestamp(seconds: -1, nanoseconds: 5), Timestamp(seconds: 0), Timestamp(seconds: 0, nanoseconds: 1),
            Timestamp(seconds: 1),
        ]
        #expect(ordered.reversed().sorted() == ordered)
    }

    @Test func `reads back for days all over eight centuries`() throws {
        for day in stride(from: Int64(-146_097), to: 146_097, by: 97) {
            let timestamp = Timestamp(seconds: day * 86_400 + 3661)
            guard try Timestamp(parsing: timestamp.description) != timestamp else { continue }
            Issue.record("\(timestamp)")
        }
    }

    @Test(arguments: [Int64.min, .max]) func `is written whatever it is`(seconds: Int64) {
        #expect(Timestamp(seconds: seconds).description.hasSuffix("Z"))
    }
}
