internal import OCI

/// Hours in which a list may be brought without being asked, by the machine's clock: `22:00-06:00`, or with the days on
/// which they begin, `Sat,Sun 00:00-24:00`.
public struct WarmWindow: Sendable, Hashable, CustomStringConvertible {
    /// As it was written.
    public let description: String
    /// Monday is 0; empty for every day.
    private let days: Set<Int>
    /// Seconds of the day, and from there on.
    private let start: Int64, length: Int64

    /// - Throws: ``WarmError/invalidWindow(_:)``.
    public init(_ text: String) throws(WarmError) {
        description = text
        var parser = CalendarParser(text)
        guard let days = parser.weekdays() else { throw .invalidWindow(text) }
        let ends = parser.rest.split(separator: "-", omittingEmptySubsequences: false).map(Self.clock)
        guard ends.count == 2, let start = ends[0], let end = ends[1], start != end, start < 86_400 else {
            throw .invalidWindow(text)
        }
        self.days = days
        self.start = start
        length = end > start ? end - start : end + 86_400 - start
    }

    private static func clock(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy { $0.isASCII && $0.isNumber } }),
            let hour = Int64(parts[0]), let minute = Int64(parts[1]), minute < 60, hour * 60 + minute <= 1440
        else { return nil }
        return hour * 3600 + minute * 60
    }

    /// When it closes again, if it is open at `moment`.
    func end(at moment: Timestamp, in zone: TimeZoneRules) -> Timestamp? {
        let shown = moment.seconds + zone.offset(at: moment.seconds)
        let today = shown.floor(86_400)
        // It may have been opened yesterday.
        for day in [today - 1, today] where days.isEmpty || days.contains(CalendarDate(day: day).weekday) {
            let open = day * 86_400 + start
            if open <= shown, shown < open + length {
                return Timestamp(seconds: moment.seconds + open + length - shown)
            }
        }
        return nil
    }
}
