internal import Glibc
internal import OCI

/// Figures as docker writes them. Source: the texts of docker 28, which scripts parse.
enum HumanText {
    /// A size in decimal units, with three or four significant digits as C's `%g` has them: `124MB`, `120.5MB`.
    static func size(_ bytes: Int64, digits: Int = 4) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
        var value = Double(bytes)
        var unit = 0
        while value >= 1000, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return general(value, digits: digits) + units[unit]
    }

    /// C's `%.Ng`.
    static func general(_ value: Double, digits: Int) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            let count = withVaList([Int32(digits), value]) { vsnprintf(buffer.baseAddress, buffer.count, "%.*g", $0) }
            return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    /// A span of time in one unit: `5 hours`, `About a minute`.
    static func duration(seconds: Double) -> String {
        let whole = Int64(seconds.rounded(.towardZero))
        let minutes = whole / 60
        // Hours are rounded half up, the larger units cut: docker's rule.
        let hours = Int64((seconds / 3600 + 0.5).rounded(.down))
        switch true {
        case whole < 1: return "Less than a second"
        case whole == 1: return "1 second"
        case whole < 60: return "\(whole) seconds"
        case minutes == 1: return "About a minute"
        case minutes < 60: return "\(minutes) minutes"
        case hours == 1: return "About an hour"
        case hours < 48: return "\(hours) hours"
        case hours < 24 * 7 * 2: return "\(hours / 24) days"
        case hours < 24 * 30 * 2: return "\(hours / 24 / 7) weeks"
        case hours < 24 * 365 * 2: return "\(hours / 24 / 30) months"
        default: return "\(whole / 3600 / 24 / 365) years"
        }
    }

    static func ago(_ seconds: Int64, now: Int64) -> String { duration(seconds: Double(now - seconds)) + " ago" }

    /// `2026-11-23 19:59:28 +0000 UTC`, in the local time zone.
    static func date(_ seconds: Int64) -> String {
        let (clock, offset, zone) = local(seconds)
        return "\(clock.replacing("T", with: " ")) \(offset) \(zone)"
    }

    /// RFC 3339 in the local time zone.
    static func timestamp(_ seconds: Int64) -> String {
        let (clock, offset, _) = local(seconds)
        guard offset != "+0000" else { return clock + "Z" }
        return clock + offset.prefix(3) + ":" + offset.suffix(2)
    }

    private static func local(_ seconds: Int64) -> (clock: String, offset: String, zone: String) {
        var time = time_t(seconds)
        var parts = tm()
        localtime_r(&time, &parts)
        func format(_ pattern: String) -> String {
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
                let count = strftime(buffer.baseAddress, buffer.count, pattern, &parts)
                return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
        return (format("%Y-%m-%dT%H:%M:%S"), format("%z"), format("%Z"))
    }

    static func now() -> Int64 { Int64(time(nil)) }

    /// Text of an image's author, without what would act on the terminal: control characters, and those that turn the
    /// direction of writing, become spaces.
    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: " "
                    default: scalar
                    }
                }))
    }

    /// Cut at a number of columns, the last of them an ellipsis.
    static func cut(_ text: String, columns: Int) -> String {
        text.count <= columns ? text : String(text.prefix(columns - 1)) + "…"
    }

    /// An ID without its algorithm, cut as docker cuts it.
    static func shortID(_ id: String) -> String {
        let start = id.utf8.firstIndex(of: UInt8(ascii: ":")).map { id.utf8.index(after: $0) } ?? id.startIndex
        return String(id[start...].prefix(12))
    }
}
