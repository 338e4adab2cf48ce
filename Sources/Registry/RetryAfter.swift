internal import Glibc
internal import OCI
internal import Transport

/// When a server says to come back.
enum RetryAfter {
    /// Docker Hub's window, the longest there is: a longer wait is a slip of the server's clock or pen.
    static let longest: Duration = .seconds(6 * 60 * 60)

    /// Numbers above this are moments and not spans; Docker Hub's web API sends such.
    private static let firstEpoch: Int64 = 1_000_000_000

    /// The wait that an answer asks for, at most ``longest``; `nil` when it asks for none or for nonsense.
    ///
    /// Moments are compared with the answer's own `Date`, and with `now` only without one: this machine's clock may be
    /// wrong.
    static func wait(in headers: HTTPHeaders, now: Timestamp) -> Duration? {
        guard let value = headers.first("Retry-After") ?? headers.first("X-Retry-After") else { return nil }
        let date = headers.first("Date").flatMap(HTTPDate.parse) ?? now
        return wait(value, now: date)
    }

    static func wait(_ value: String, now: Timestamp) -> Duration? {
        let text = String(value.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        let seconds: Int64
        if !text.isEmpty, text.utf8.allSatisfy(isDigit) {
            guard let number = Int64(text) else { return nil }
            seconds = number > firstEpoch ? number.subtractingReportingOverflow(now.seconds).partialValue : number
        } else if let moment = HTTPDate.parse(text) {
            seconds = moment.seconds.subtractingReportingOverflow(now.seconds).partialValue
        } else {
            return nil
        }
        return seconds > 0 ? min(.seconds(seconds), longest) : nil
    }
}

/// The date of HTTP header fields.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Reads the one form that may be sent, `Thu, 01 May 2025 22:01:18 GMT` (RFC 9110 §5.6.7).
    static func parse(_ text: String) -> Timestamp? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", words[1].utf8.count == 2, words[3].utf8.count == 4,
            let month = months.firstIndex(of: String(words[2]))
        else { return nil }
        let number = month + 1
        let written = "\(words[3])-\(number < 10 ? "0" : "")\(number)-\(words[1])T\(words[4])Z"
        return try? Timestamp(parsing: written)
    }
}

/// This machine's clock on the wall.
func wallClock() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
}
