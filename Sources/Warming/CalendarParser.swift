/// Reads the text of a ``CalendarExpression`` in systemd's order: zone, words, weekdays, date, time.
struct CalendarParser {
    private(set) var rest: Substring

    init(_ text: String) { rest = text[...] }

    /// Whether it was one.
    mutating func parse(into calendar: inout CalendarExpression) -> Bool {
        calendar.zone = takeZone()
        guard !rest.isEmpty else { return false }
        if let word = Self.words[rest.lowercased()] {
            rest = word[...]
        } else if rest.first == "@" {
            return instant(into: &calendar)
        }
        guard let days = weekdays(), date(into: &calendar), time(into: &calendar), rest.isEmpty else { return false }
        calendar.weekdays = days
        return calendar.isValid
    }

    private static let words = [
        "minutely": "*-*-* *:*:00", "hourly": "*-*-* *:00:00", "daily": "*-*-* 00:00:00", "monthly": "*-*-01 00:00:00",
        "weekly": "Mon *-*-* 00:00:00", "yearly": "*-01-01 00:00:00", "annually": "*-01-01 00:00:00",
        "quarterly": "*-01,04,07,10-01 00:00:00", "semiannually": "*-01,07-01 00:00:00",
        "semi-annually": "*-01,07-01 00:00:00", "biannually": "*-01,07-01 00:00:00",
        "bi-annually": "*-01,07-01 00:00:00",
    ]

    /// The last word, where it is `UTC` or a zone that the machine knows.
    private mutating func takeZone() -> CalendarExpression.Zone {
        guard let space = rest.lastIndex(of: " ") else { return .local }
        let name = rest[rest.index(after: space)...]
        let head = rest[..<space]
        if name.uppercased() == "UTC" {
            rest = head
            return .utc
        }
        guard TimeZoneRules.named(String(name)) != nil else { return .local }
        rest = head
        return .named(String(name))
    }

    /// `@` and seconds since 1970: one point of time, in UTC.
    private func instant(into calendar: inout CalendarExpression) -> Bool {
        guard let seconds = Int64(rest.dropFirst()), seconds >= 0, seconds < 7_258_118_400 else { return false }
        let date = CalendarDate(day: seconds / 86_400)
        (calendar.year, calendar.month) = (CalendarField(date.year), CalendarField(date.month))
        calendar.day = CalendarField(date.dayOfMonth)
        calendar.hour = CalendarField(Int(seconds / 3600 % 24))
        calendar.minute = CalendarField(Int(seconds / 60 % 60))
        calendar.second = CalendarField(Int(seconds % 60) * 1_000_000)
        calendar.zone = .utc
        return true
    }

    private static let weekdayNames = [
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ]

    /// The weekday's number at the beginning of the rest, which it takes.
    private mutating func weekday() -> Int? {
        let letters = rest.prefix { $0.isASCII && $0.isLetter }
        let word = letters.lowercased()
        guard let number = Self.weekdayNames.firstIndex(where: { $0 == word || $0.prefix(3) == word }) else {
            return nil
        }
        rest = rest.dropFirst(letters.count)
        return number
    }

    /// Days of the week at the beginning of the rest, and the blanks behind them; none where it begins otherwise, `nil`
    /// for something else in letters. A range may be written with `-` as well; a comma may stand behind the last.
    mutating func weekdays() -> Set<Int>? {
        var days = Set<Int>()
        while rest.first?.isLetter == true {
            guard let first = weekday() else { return nil }
            var last = first
            if let separator = ["..", "-"].first(where: rest.hasPrefix) {
                rest = rest.dropFirst(separator.count)
                guard let end = weekday(), end >= first else { return nil }
                last = end
            }
            days.formUnion(first...last)
            guard take(",") else { break }
        }
        guard days.isEmpty || rest.isEmpty || rest.first == " " else { return nil }
        skipBlanks()
        return days
    }

    private mutating func skipBlanks() { rest = rest.drop { $0 == " " } }

    /// Two parts are a month and a day, three a year as well; one alone, or a colon behind it, is no date at all.
    private mutating func date(into calendar: inout CalendarExpression) -> Bool {
        let start = rest
        guard !rest.isEmpty else { return true }
        guard let first = field() else { return false }
        if rest.isEmpty || rest.first == ":" {
            rest = start
            return true
        }
        var fields = [first]
        while fields.count < 3, let separator = rest.first, separator == "-" || separator == "~" {
            guard !calendar.countsFromEnd else { return false }
            calendar.countsFromEnd = separator == "~"
            rest = rest.dropFirst()
            guard let next = field() else { return false }
            fields.append(next)
        }
        guard fields.count > 1, rest.isEmpty || rest.first == " " else { return false }
        skipBlanks()
        calendar.day = fields.removeLast()
        calendar.month = fields.removeLast()
        if let year = fields.last { calendar.year = year.fullYears }
        return true
    }

    private mutating func time(into calendar: inout CalendarExpression) -> Bool {
        guard !rest.isEmpty else { return true }
        guard let hour = field(), take(":"), let minute = field() else { return false }
        (calendar.hour, calendar.minute) = (hour, minute)
        guard take(":") else { return true }
        guard let second = field(unit: 1_000_000) else { return false }
        calendar.second = second
        return true
    }

    private mutating func take(_ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// `*`, or a list of values, ranges and steps.
    private mutating func field(unit: Int = 1) -> CalendarField? {
        if take("*") { return unit == 1 ? .any : CalendarField(parts: [.init(first: 0, last: nil, step: unit)]) }
        var parts: [CalendarField.Part] = []
        repeat {
            guard let part = part(unit), parts.count < 240 else { return nil }
            parts.append(part)
        } while take(",")
        return CalendarField(parts: parts)
    }

    private mutating func part(_ unit: Int) -> CalendarField.Part? {
        guard let first = number(unit) else { return nil }
        var part = CalendarField.Part(first: first, last: nil, step: 0)
        if rest.hasPrefix("..") {
            rest = rest.dropFirst(2)
            guard let last = number(unit) else { return nil }
            part.last = last
            part.step = unit
        }
        if take("/") {
            guard let step = number(unit), step > 0 else { return nil }
            part.step = step
        }
        guard rest.isEmpty || " ,-~:".contains(rest.first ?? " ") else { return nil }
        return part
    }

    /// Digits, of seconds with a fraction of up to six more.
    private mutating func number(_ unit: Int) -> Int? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard 1...9 ~= digits.count, var value = Int(digits) else { return nil }
        rest = rest.dropFirst(digits.count)
        value *= unit
        guard unit > 1, rest.first == ".", rest.dropFirst().first != "." else { return value }
        let fraction = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
        guard !fraction.isEmpty, let part = Int((fraction + "000000").prefix(6)) else { return nil }
        rest = rest.dropFirst(1 + fraction.count)
        return value + part
    }
}

extension CalendarExpression {
    /// Every value can occur, and every step is taken at least once.
    var isValid: Bool {
        year.isWithin(1970..<2200) && month.isWithin(1..<13) && day.isWithin(1..<32, backwards: countsFromEnd)
            && hour.isWithin(0..<24) && minute.isWithin(0..<60) && second.isWithin(0..<60_000_000)
    }
}

extension CalendarField {
    fileprivate func isWithin(_ range: Range<Int>, backwards: Bool = false) -> Bool {
        parts.allSatisfy { part in
            guard range.contains(part.first), part.last.map({ range.contains($0) && $0 >= part.first }) ?? true else {
                return false
            }
            return backwards
                ? part.first - part.step >= range.lowerBound || part.last != nil || part.step == 0
                : part.first + part.step < range.upperBound || part.last != nil
        }
    }

    /// Years of two digits are those of 1970 to 2069.
    fileprivate var fullYears: CalendarField {
        func full(_ year: Int) -> Int { year < 70 ? year + 2000 : year < 100 ? year + 1900 : year }
        return CalendarField(
            parts: parts.map { Part(first: full($0.first), last: $0.last.map(full), step: $0.step) })
    }
}
