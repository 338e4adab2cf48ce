internal import Glibc
public import OCI

/// Points of time that come again, as a timer's `OnCalendar=` has them: `Mon..Fri 03:00`, `*-*~01 02:30 Europe/Berlin`.
///
/// Source: systemd.time(7), "CALENDAR EVENTS"; where that is silent, `calendarspec.c` of systemd 252. A time that a
/// change of clocks leaves out does not elapse, and one that comes twice does so the first time.
public struct CalendarExpression: Sendable, Hashable, CustomStringConvertible {
    /// Whose clock is meant.
    enum Zone: Sendable, Hashable {
        case local, utc
        case named(String)
    }

    /// As it was written.
    public let description: String
    /// Monday is the first; empty for every day.
    var weekdays = Set<Int>()
    var year = CalendarField.any, month = CalendarField.any, day = CalendarField.any
    /// Days are counted from the month's end: 1 is the last.
    var countsFromEnd = false
    var hour = CalendarField(0), minute = CalendarField(0)
    /// In microseconds.
    var second = CalendarField(0)
    var zone = Zone.local

    /// - Throws: ``WarmError/invalidSchedule(_:)``.
    public init(_ text: String) throws(WarmError) {
        description = text
        var parser = CalendarParser(text)
        guard parser.parse(into: &self) else { throw .invalidSchedule(text) }
    }

    /// The first point of time after `moment`, as clocks in its zone show it; `local` is the machine's. `nil` when none
    /// comes before the year 2200.
    public func next(after moment: Timestamp, local: TimeZoneRules) -> Timestamp? {
        let rules: TimeZoneRules
        switch zone {
        case .local: rules = local
        case .utc: rules = .utc
        case .named(let name): rules = TimeZoneRules.named(name) ?? .utc
        }
        let after = moment.seconds * 1_000_000 + Int64(moment.nanoseconds / 1000)
        return first(after: after, in: rules).map { microseconds in
            let seconds = microseconds.floor(1_000_000)
            return Timestamp(seconds: seconds, nanoseconds: Int32(microseconds - seconds * 1_000_000) * 1000)
        }
    }

    /// Microseconds since 1970 in UTC, both.
    private func first(after: Int64, in rules: TimeZoneRules) -> Int64? {
        let day: Int64 = 86_400_000_000
        let start = after + rules.leastOffset(near: after.floor(1_000_000)) * 1_000_000
        var date = CalendarDate(day: start.floor(day))
        var clock = start - date.day * day
        while let found = next(from: date) {
            if found.day > date.day { clock = 0 }
            while let time = firstTime(from: clock) {
                let local = found.day * day + time
                let second = local.floor(1_000_000)
                let instant = rules.instants(ofLocal: second).first.map { $0 * 1_000_000 + local - second * 1_000_000 }
                if let instant, instant > after { return instant }
                clock = time + 1
            }
            (date, clock) = (found.tomorrow, 0)
        }
        return nil
    }

    /// The first day from `start` on that fits.
    private func next(from start: CalendarDate) -> CalendarDate? {
        var date = start
        while let year = year.next(from: date.year), year < 2200 {
            if year > date.year { date = CalendarDate(year: year, month: 1, dayOfMonth: 1) }
            guard let month = month.next(from: date.month), month <= 12 else {
                date = CalendarDate(year: date.year + 1, month: 1, dayOfMonth: 1)
                continue
            }
            if month > date.month { date = CalendarDate(year: date.year, month: month, dayOfMonth: 1) }
            let length = date.lengthOfMonth
            let days = countsFromEnd ? day.counted(fromEndOf: length) : day
            guard let found = days.next(from: date.dayOfMonth), found <= length else {
                date = CalendarDate(year: date.year, month: date.month, dayOfMonth: length).tomorrow
                continue
            }
            date = CalendarDate(year: date.year, month: date.month, dayOfMonth: found)
            if weekdays.isEmpty || weekdays.contains(date.weekday) { return date }
            date = date.tomorrow
        }
        return nil
    }

    /// The first time of day from `start` on that fits, in microseconds.
    private func firstTime(from start: Int64) -> Int64? {
        var (h, m, s) = (Int(start / 3_600_000_000), Int(start / 60_000_000 % 60), Int(start % 60_000_000))
        while let hour = hour.next(from: h), hour < 24 {
            if hour > h { (m, s) = (0, 0) }
            while let minute = minute.next(from: m), minute < 60 {
                if minute > m { s = 0 }
                if let second = second.next(from: s), second < 60_000_000 {
                    return Int64(hour) * 3_600_000_000 + Int64(minute) * 60_000_000 + Int64(second)
                }
                (m, s) = (minute + 1, 0)
            }
            (h, m, s) = (hour + 1, 0, 0)
        }
        return nil
    }
}

/// Which values a part of a date or time may have: a list of values, of ranges, and of steps.
struct CalendarField: Sendable, Hashable {
    struct Part: Sendable, Hashable {
        var first: Int
        var last: Int?
        /// 0 for `first` alone.
        var step: Int
    }

    static let any = CalendarField(parts: [])

    /// None for every value.
    var parts: [Part]

    init(parts: [Part]) { self.parts = parts }
    init(_ value: Int) { parts = [Part(first: value, last: nil, step: 0)] }

    /// The first value from `value` on that it has.
    func next(from value: Int) -> Int? {
        guard !parts.isEmpty else { return value }
        return parts.compactMap { part in
            if part.first >= value { return part.first }
            guard part.step > 0 else { return nil }
            let next = part.first + (value - part.first + part.step - 1) / part.step * part.step
            return next <= part.last ?? .max ? next : nil
        }.min()
    }

    /// Days counted from the end of a month as days of it.
    func counted(fromEndOf length: Int) -> CalendarField {
        CalendarField(
            parts: parts.map { part in
                let first = length + 1 - part.first
                guard let written = part.last else { return Part(first: first, last: nil, step: part.step) }
                // The steps begin with the last day but so many that they reach.
                let last = written - (written - part.first) % max(1, part.step)
                return Part(first: length + 1 - last, last: first, step: part.step)
            })
    }
}

/// A day of the Gregorian calendar.
struct CalendarDate {
    /// Since 1970-01-01.
    let day: Int64
    let year: Int, month: Int, dayOfMonth: Int
    /// 0 is Monday.
    let weekday: Int

    init(day: Int64) {
        self.day = day
        var fields = tm()
        var seconds = time_t(day * 86_400)
        gmtime_r(&seconds, &fields)
        (year, month, dayOfMonth) = (Int(fields.tm_year) + 1900, Int(fields.tm_mon) + 1, Int(fields.tm_mday))
        weekday = (Int(fields.tm_wday) + 6) % 7
    }

    /// A month or day beyond the last is one of the next year or month.
    init(year: Int, month: Int, dayOfMonth: Int) {
        var fields = tm()
        fields.tm_year = Int32(clamping: year - 1900)
        fields.tm_mon = Int32(month - 1)
        fields.tm_mday = Int32(dayOfMonth)
        self.init(day: Int64(timegm(&fields)).floor(86_400))
    }

    var tomorrow: CalendarDate { CalendarDate(day: day + 1) }

    var lengthOfMonth: Int { Int(CalendarDate(year: year, month: month + 1, dayOfMonth: 1).day - day) + dayOfMonth - 1 }
}

extension Int64 {
    /// How many whole `units` it holds, rounded down.
    func floor(_ unit: Int64) -> Int64 { self / unit - (self % unit < 0 ? 1 : 0) }
}
