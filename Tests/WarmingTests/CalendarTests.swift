import OCI
import TestSupport
import Testing

@testable import Warming

@Suite struct `A calendar expression` {
    /// What it means from a Saturday in 2026 on, in the local zone (Berlin).
    @Test(arguments: [
        ("daily", ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"]),
        ("Mon..Fri 03:00", ["2026-10-26T02:00:00Z", "2026-10-27T02:00:00Z"]),
        ("Mon..Fri 03:00 UTC", ["2026-10-26T03:00:00Z", "2026-10-27T03:00:00Z"]),
        ("*-*~01 12:00 America/New_York", ["2026-10-31T16:00:00Z", "2026-11-30T17:00:00Z"]),
        ("*:0/20", ["2026-10-24T06:00:00Z", "2026-10-24T06:20:00Z"]),
        ("*-02-29", ["2028-02-28T23:00:00Z", "2032-02-28T23:00:00Z"]),
        ("Sun *-*-* 02:30", ["2026-10-25T00:30:00Z", "2026-11-01T01:30:00Z"]),
        ("*-03-29 02:30:00", ["2027-03-29T00:30:00Z", "2028-03-29T00:30:00Z"]),
        ("2003-03-05", []), ("@1395716396", []),
        ("*:*:0.5", ["2026-10-24T05:50:00.5Z", "2026-10-24T05:51:00.5Z"]),
    ])
    func `comes up when it says`(text: String, expected: [String]) throws {
        let berlin = try #require(TimeZoneRules.named("Europe/Berlin"))
        var moment = try Timestamp(parsing: "2026-10-24T05:50:00Z")
        let calendar = try CalendarExpression(text)
        var found: [String] = []
        while found.count < 2, let next = calendar.next(after: moment, local: berlin) {
            found.append("\(next)")
            moment = next
        }
        #expect(found == expected)
    }

    @Test(arguments: [
        "", "never", "*:*/15", "Mon..", "Fri..Mon", "Mondy", "25:00", "12:60", "*-13-01", "*-*-32", "*-*-00", "1-2-3-4",
        "Mon *-*-* 03:00 Mars/Olympus", "*-*~", "2003~02~03", "*:*:60", "12", "*:0/0", "*-*-* 03:00:00 ", "3:00pm",
        "*-*-5..2", "@-1", "*-*-1..", "*/2-1-1", "2300-01-01", "*:0/60", "03:00,04:00:", "Mon,,Tue", "*-~1",
    ])
    func `that says nothing is refused`(text: String) {
        #expect(throws: WarmError.invalidSchedule(text)) { try CalendarExpression(text) }
    }

    /// The grammar's corners, as systemd's own tool understands them. Left out: a step that leads out of a month
    /// (`*-*-1/7`), after which systemd 252 may or may not see the first day of the next.
    static let shared = [
        "minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "semi-annually", "biannually",
        "bi-annually", "yearly", "annually", "WEEKLY", "daily UTC", "Sat,Thu,Mon..Wed,Sat..Sun",
        "Mon,Sun 12-*-* 2,1:23",
        "Wed *-1", "Wed..Wed,Wed *-1", "Wed, 17:48", "Wed..Sat,Tue 12-10-15 1:2:3", "*-*-7 0:0:0", "10-15",
        "monday *-12-* 17:00", "Mon,Fri *-*-3,1,2 *:30:45", "12,14,13,12:20,10,30", "12..14:10,20,30",
        "mon,fri *-1/2-1,3 *:30:45", "03-05 08:05:40", "08:05:40", "05:40", "Sat,Sun 12-05 08:05:40",
        "Sat,Sun 08:05:40",
        "2030-03-05 05:40", "05:40:23.4200004/3.1700005", "2030-02..04-05", "2030-03-05 05:40 UTC", "2030-03-05",
        "03-05", "*-*-* 01:02:03/15 UTC", "Mon-Fri 7:00", "*:2/3", "*-*-1..31/7", "*-*~01", "*-*~07/1", "Mon *-05~07/1",
        "*-02~01..03", "*-*~01..10/2", "*-*-31", "*-02-29", "30-1-1", "*-2..10/3-1", "Fri *-*-13", "*-*-* 02:30",
        "0/2:00", "*:*", "*:*:*", "*:*:0/20", "Mon,", "*-*-01..07", "Sat *-*-1..7 18:00", "*-*-* 0,6,12,18:15",
        "*-1,4,7,10-1 05:00", "2027..2029-06-01", "2027/3-*-1", "*-*-15,~1", "*-*~*", "*-*-* 00:00:00/7.25",
        "2..4-1..3 10:30 Asia/Kolkata", "*-*-* *:30 Australia/Lord_Howe", "Sun *-*-* 02:30 America/New_York",
        "*-*-* 02:15:30 Europe/Berlin", "*-*-* 00:00 America/Sao_Paulo", "*-4-26 23:59:59 Africa/Cairo", "*~1", "12-*",
        "*-*-1..5/2,20 3:4", "1..3:4..6:7..9", "Thursday..Saturday", "tue,wed..thu 5:5", "*-*-* 5:5:5.5", "20..22:59",
        "@4102444800", "Mon..fri,Sun 23:59:59", "*-06..08-1/10 12:00", "99-1-1", "2100-2-29", "*-*~3,1 4:00",
    ]

    @Test(.enabled(if: which("systemd-analyze") != nil, "systemd-analyze is not installed"))
    func `means what systemd takes it for`() async throws {
        var compared = 0, refused = 0
        for base in ["2026-10-24T05:50:00Z", "2027-03-27T21:10:30Z", "2028-12-31T23:59:59Z"] {
            for zone in ["UTC", "America/New_York"] {
                let theirs = try await systemd(Self.shared, base: base, zone: zone)
                let rules = zone == "UTC" ? TimeZoneRules.utc : try #require(TimeZoneRules.named(zone))
                for text in Self.shared {
                    let expected = theirs[text]
                    (compared, refused) = expected == nil ? (compared, refused + 1) : (compared + 1, refused)
                    #expect(try ours(text, base: base, rules) == expected, "\(text) after \(base) in \(zone)")
                }
            }
        }
        print("\(compared) expressions compared with systemd's, \(refused) that it refuses")
        #expect(compared > 400)
    }

    /// Six points of time in whole seconds; `nil` where the text is refused.
    private func ours(_ text: String, base: String, _ zone: TimeZoneRules) throws -> [String]? {
        let calendar: CalendarExpression
        do { calendar = try CalendarExpression(text) } catch { return nil }
        var moment = try Timestamp(parsing: base)
        var found: [String] = []
        while found.count < 6, let next = calendar.next(after: moment, local: zone) {
            found.append("\(Timestamp(seconds: next.seconds))")
            moment = next
        }
        return found
    }

    private func systemd(_ texts: [String], base: String, zone: String) async throws -> [String: [String]] {
        var all: [String: [String]] = [:]
        // In one call for all, as far as it takes them.
        for text in texts {
            let moment = base.replacing("T", with: " ").replacing("Z", with: " UTC")
            let result = try await runProcess(
                "systemd-analyze", ["calendar", "--base-time=\(moment)", "--iterations=6", text],
                environment: ["TZ": zone, "PATH": "/usr/bin:/bin", "LC_ALL": "C"])
            guard result.status == 0 else { continue }
            // Where the zone is not UTC, a line of its own tells the moment in UTC.
            let marks = zone == "UTC" ? ["Next elapse: ", "Iter. #"] : ["(in UTC): "]
            all[text] = result.output.split(separator: "\n").compactMap { line in
                guard marks.contains(where: line.contains), line.hasSuffix("UTC") else { return nil }
                let words = line.split(separator: " ")
                return "\(words[words.count - 3])T\(words[words.count - 2])Z"
            }
        }
        return all
    }
}

@Suite struct `The clocks of a zone` {
    private func offset(_ zone: TimeZoneRules, _ moment: String) throws -> Int64 {
        zone.offset(at: try Timestamp(parsing: moment).seconds) / 60
    }

    /// By the transitions in the file, and long after the last by its rule.
    @Test(arguments: [
        ("Europe/Berlin", "1910-06-01T00:00:00Z", 60), ("Europe/Berlin", "1945-06-01T00:00:00Z", 180),
        ("Europe/Berlin", "2026-07-01T00:00:00Z", 120), ("Europe/Berlin", "2150-07-01T00:00:00Z", 120),
        ("Europe/Berlin", "2150-01-01T00:00:00Z", 60), ("Asia/Kolkata", "2026-01-01T00:00:00Z", 330),
        ("Australia/Sydney", "2150-01-01T00:00:00Z", 660), ("Australia/Sydney", "2150-07-01T00:00:00Z", 600),
        ("Pacific/Chatham", "2026-01-01T00:00:00Z", 825), ("America/St_Johns", "2026-01-01T00:00:00Z", -210),
        ("Africa/Casablanca", "2026-08-01T00:00:00Z", 60),
    ])
    func `are read from the database`(name: String, moment: String, minutes: Int64) throws {
        #expect(try offset(try #require(TimeZoneRules.named(name)), moment) == minutes)
    }

    @Test func `may be a rule of the environment's`() throws {
        let berlin = TimeZoneRules.local(environment: ["TZ": "CET-1CEST,M3.5.0,M10.5.0/3"])
        #expect(try offset(berlin, "2026-07-01T00:00:00Z") == 120)
        #expect(try offset(berlin, "2026-03-29T00:59:59Z") == 60 && offset(berlin, "2026-03-29T01:00:00Z") == 120)
        #expect(try offset(.local(environment: ["TZ": "<+0545>-5:45"]), "2026-07-01T00:00:00Z") == 345)
        #expect(try offset(.local(environment: ["TZ": ":Europe/Berlin"]), "2026-07-01T00:00:00Z") == 120)
        #expect(try offset(.local(environment: ["TZ": "no such zone"]), "2026-07-01T00:00:00Z") == 0)
        let julian = TimeZoneRules.local(environment: ["TZ": "AAA0BBB,J60/0,300/-1"])
        #expect(try offset(julian, "2028-02-29T23:59:59Z") == 0 && offset(julian, "2028-03-01T00:00:00Z") == 60)
    }

    @Test func `that make no sense are not believed`() throws {
        let whole = try Files.read("/usr/share/zoneinfo/Europe/Berlin")
        for length in stride(from: 0, to: whole.count - 60, by: 7) {
            #expect(TimeZoneRules(Array(whole.prefix(length))) == nil, "\(length) bytes")
        }
        for text in ["", "X", "CET", "CET-1CEST,M3.5.0", "CET-1CEST,M13.1.0,M1.1.1", "CET-999"] {
            #expect(PosixZone(text) == nil, "\(text)")
        }
        for name in ["../../../etc/passwd", "/etc/localtime", "", "Europe", "Europe//Berlin"] {
            #expect(TimeZoneRules.named(name) == nil, "\(name)")
        }
    }
}

@Suite struct `A window` {
    @Test(arguments: [
        ("22:00-06:00", "2026-11-02T21:59:59Z", nil), ("22:00-06:00", "2026-11-02T22:00:00Z", "2026-11-03T06:00:00Z"),
        ("22:00-06:00", "2026-11-03T05:59:59Z", "2026-11-03T06:00:00Z"), ("22:00-06:00", "2026-11-03T06:00:00Z", nil),
        ("09:30-10:00", "2026-11-03T09:45:00Z", "2026-11-03T10:00:00Z"),
        ("Sat,Sun 00:00-24:00", "2026-11-07T12:00:00Z", "2026-11-08T00:00:00Z"),
        ("Sat,Sun 00:00-24:00", "2026-11-09T00:00:00Z", nil),
        ("Fri 22:00-06:00", "2026-11-07T03:00:00Z", "2026-11-07T06:00:00Z"),
        ("Fri 22:00-06:00", "2026-11-06T03:00:00Z", nil),
    ])
    func `is open when it says`(text: String, moment: String, end: String?) throws {
        let found = try WarmWindow(text).end(at: try Timestamp(parsing: moment), in: .utc)
        #expect(found.map { "\($0)" } == end)
    }

    @Test func `is meant by the machine's clock`() throws {
        let berlin = try #require(TimeZoneRules.named("Europe/Berlin"))
        let moment = try Timestamp(parsing: "2026-07-01T20:00:00Z")
        #expect(
            try WarmWindow("22:00-06:00").end(at: moment, in: berlin) == Timestamp(seconds: moment.seconds + 28_800))
        #expect(try WarmWindow("22:00-06:00").end(at: moment, in: .utc) == nil)
    }

    @Test(arguments: [
        "", "22:00", "22-06", "22:00-22:00", "25:00-26:00", "24:00-06:00", "2:00-3:00", "Xyz 01:00-02:00",
    ])
    func `that says nothing is refused`(text: String) {
        #expect(throws: WarmError.invalidWindow(text)) { try WarmWindow(text) }
    }
}
