internal import OCI

/// The moment that an `until` filter names: a duration ago (`24h`), seconds since 1970 (`1700000000.5`), or a date
/// with as much of a time and a zone as one likes (`2025-06-15T01:02`). Without a zone it is UTC.
///
/// - Throws: ``EngineError/invalidTime(_:)``.
func filterTime(_ text: String, now: Timestamp) throws(EngineError) -> Timestamp {
    guard text.utf8.count <= 64 else { throw .invalidTime(String(text.prefix(64)) + "…") }
    // "0" is a duration too, but dockerd takes it for the epoch.
    let duration = text == "0" ? nil : GoDuration.nanoseconds(text)
    guard let moment = duration.flatMap(now.earlier(by:)) ?? calendarTime(text) ?? unixTime(text) else {
        throw .invalidTime(text)
    }
    return moment
}

extension Timestamp {
    /// `nil` when there is no such moment.
    fileprivate func earlier(by nanoseconds: Int64) -> Timestamp? {
        let difference = Int64(self.nanoseconds) - nanoseconds % 1_000_000_000
        let borrow: Int64 = difference < 0 ? 1 : difference >= 1_000_000_000 ? -1 : 0
        let (seconds, overflow) = seconds.subtractingReportingOverflow(nanoseconds / 1_000_000_000 + borrow)
        guard !overflow else { return nil }
        return Timestamp(seconds: seconds, nanoseconds: Int32(difference + borrow * 1_000_000_000))
    }
}

/// Seconds, and after a point up to nine digits of a fraction.
private func unixTime(_ text: String) -> Timestamp? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isDigit) }), let seconds = Int64(parts[0]) else {
        return nil
    }
    guard parts.count == 2 else { return Timestamp(seconds: seconds) }
    let digits = parts[1].prefix(9)
    guard let fraction = Int32(digits + String(repeating: "0", count: 9 - digits.count)) else { return nil }
    return Timestamp(seconds: seconds, nanoseconds: fraction)
}

/// Completes what was left out, so that the parser of whole timestamps can judge it.
private func calendarTime(_ text: String) -> Timestamp? {
    let date = text.prefix(10)
    guard date.utf8.count == 10, date.utf8.dropFirst(4).first == UInt8(ascii: "-") else { return nil }
    var rest = text.dropFirst(10)
    var clock = Substring()
    if rest.first == "T" {
        rest.removeFirst()
        clock = rest.prefix { $0 != "Z" && $0 != "+" && $0 != "-" }
        guard !clock.isEmpty else { return nil }
        rest = rest.dropFirst(clock.count)
    }
    let missing =
        switch clock.count(where: { $0 == ":" }) {
        case _ where clock.isEmpty: "00:00:00"
        case 0: ":00:00"
        case 1: ":00"
        default: ""
        }
    let zone = rest.isEmpty ? "Z" : rest
    do { return try Timestamp(parsing: "\(date)T\(clock)\(missing)\(zone)") } catch { return nil }
}

/// Durations as Go's `time.ParseDuration` reads them: `1h30m`, `1.5h`, `-2us`.
enum GoDuration {
    /// `nil` for what is no duration, or longer than 292 years.
    static func nanoseconds(_ text: String) -> Int64? {
        var rest = text.utf8[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        if rest.elementsEqual("0".utf8) { return 0 }
        guard !rest.isEmpty else { return nil }
        var total: Int64 = 0
        while !rest.isEmpty {
            guard let part = part(&rest) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else { return nil }
            total = sum
        }
        return isNegative ? -total : total
    }

    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("ns", 1), ("us", 1_000), ("\u{B5}s", 1_000), ("\u{3BC}s", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
        ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]

    /// One number and its unit.
    private static func part(_ rest: inout Substring.UTF8View) -> Int64? {
        let whole = digits(&rest)
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = digits(&rest)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        let name = rest.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
        rest = rest.dropFirst(name.count)
        guard let unit = units.first(where: { $0.name.utf8.elementsEqual(name) })?.nanoseconds,
            let count = whole.isEmpty ? 0 : Int64(Substring(whole))
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        let (sum, carry) = product.addingReportingOverflow(portion(of: unit, fraction))
        return overflow || carry ? nil : sum
    }

    /// A decimal fraction of a unit; digits that are worth less than a nanosecond do not count.
    private static func portion(of unit: Int64, _ fraction: Substring.UTF8View) -> Int64 {
        var portion: Int64 = 0
        var worth = unit
        for digit in fraction.prefix(13) {
            worth /= 10
            portion += worth * Int64(digit - UInt8(ascii: "0"))
        }
        return portion
    }

    private static func digits(_ rest: inout Substring.UTF8View) -> Substring.UTF8View {
        let digits = rest.prefix(while: isDigit)
        rest = rest.dropFirst(digits.count)
        return digits
    }
}

private func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
