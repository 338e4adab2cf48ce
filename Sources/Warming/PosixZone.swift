/// A zone as `$TZ` has it, `CET-1CEST,M3.5.0,M10.5.0/3`: two offsets, and the days on which clocks are changed.
///
/// Source: POSIX.1, "Other Environment Variables", TZ; RFC 9636 §3.3.1 for hours beyond a day.
struct PosixZone: Sendable, Hashable {
    private enum Day: Sendable, Hashable {
        /// The `week`-th (5: the last) `weekday` (0: Sunday) of a month.
        case week(month: Int, week: Int, weekday: Int)
        /// From 1, the leap day never counted.
        case common(Int)
        /// From 0, the leap day counted.
        case ofYear(Int)
    }

    private struct Change: Sendable, Hashable {
        var day: Day
        /// Seconds of local time, 02:00 unless said.
        var time: Int64
    }

    private struct Summer: Sendable, Hashable {
        var offset: Int64
        var from: Change, to: Change
    }

    private let standard: Int64
    private var summer: Summer?

    init?(_ text: String) {
        var scanner = Scanner(rest: text[...])
        guard scanner.name(), let west = scanner.time() else { return nil }
        standard = -west
        guard !scanner.rest.isEmpty else { return }
        guard scanner.name() else { return nil }
        let offset = scanner.rest.first == "," || scanner.rest.isEmpty ? standard + 3600 : scanner.time().map { -$0 }
        guard let offset else { return nil }
        // Without days, those of the United States.
        if scanner.rest.isEmpty { scanner.rest = ",M3.2.0,M11.1.0" }
        guard let from = scanner.change(), let to = scanner.change(), scanner.rest.isEmpty else { return nil }
        summer = Summer(offset: offset, from: from, to: to)
    }

    func offset(at moment: Int64) -> Int64 {
        guard let summer else { return standard }
        let year = CalendarDate(day: (moment + standard).floor(86_400)).year
        let from = Self.local(summer.from, in: year) - standard
        let to = Self.local(summer.to, in: year) - summer.offset
        // South of the equator summer goes over the turn of the year.
        let isSummer = from < to ? from <= moment && moment < to : moment < to || from <= moment
        return isSummer ? summer.offset : standard
    }

    private static func local(_ change: Change, in year: Int) -> Int64 {
        let first = CalendarDate(year: year, month: 1, dayOfMonth: 1)
        let day: Int64
        switch change.day {
        case .ofYear(let number): day = first.day + Int64(number)
        case .common(let number):
            let isLeap = CalendarDate(year: year, month: 2, dayOfMonth: 29).month == 2
            day = first.day + Int64(number - 1) + (isLeap && number > 59 ? 1 : 0)
        case .week(let month, let week, let weekday):
            let start = CalendarDate(year: year, month: month, dayOfMonth: 1)
            // Weekdays here begin with Monday.
            var number = 1 + (weekday + 6 - start.weekday) % 7 + (week - 1) * 7
            while number > start.lengthOfMonth { number -= 7 }
            day = start.day + Int64(number - 1)
        }
        return day * 86_400 + change.time
    }

    private struct Scanner {
        var rest: Substring

        mutating func take(_ character: Character) -> Bool {
            guard rest.first == character else { return false }
            rest = rest.dropFirst()
            return true
        }

        /// Letters, or anything between angle brackets.
        mutating func name() -> Bool {
            if take("<") {
                rest = rest.drop { $0 != ">" }
                return take(">")
            }
            let letters = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(letters.count)
            return letters.count >= 3
        }

        mutating func number(_ range: ClosedRange<Int>) -> Int? {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            return Int(digits).flatMap { range.contains($0) ? $0 : nil }
        }

        /// Seconds.
        mutating func time() -> Int64? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard let hours = number(0...167) else { return nil }
            var seconds = hours * 3600
            for unit in [60, 1] where take(":") {
                guard let value = number(0...59) else { return nil }
                seconds += value * unit
            }
            return Int64(isNegative ? -seconds : seconds)
        }

        mutating func change() -> Change? {
            guard take(",") else { return nil }
            let day: Day
            if take("M") {
                guard let month = number(1...12), take("."), let week = number(1...5), take("."),
                    let weekday = number(0...6)
                else { return nil }
                day = .week(month: month, week: week, weekday: weekday)
            } else if take("J") {
                guard let number = number(1...365) else { return nil }
                day = .common(number)
            } else {
                guard let number = number(0...365) else { return nil }
                day = .ofYear(number)
            }
            guard take("/") else { return Change(day: day, time: 7200) }
            return time().map { Change(day: day, time: $0) }
        }
    }
}
