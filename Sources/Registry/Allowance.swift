public import OCI
internal import Transport

/// How many manifests a registry lets us fetch, as its last answer said.
///
/// Source: Docker Hub's `ratelimit-limit: 100;w=21600` and `ratelimit-remaining`; registries without limits send none.
public struct Allowance: Sendable, Equatable {
    /// Fetches in one window.
    public var limit: Int?
    /// Fetches left in this window.
    public var remaining: Int?
    /// The window's length.
    public var window: Duration?
    /// Whose allowance it is: an address, a network or an account.
    public var source: String?
    /// When it was said.
    public var recorded: Timestamp

    /// Makes an allowance of its parts.
    public init(
        limit: Int? = nil, remaining: Int? = nil, window: Duration? = nil, source: String? = nil, recorded: Timestamp
    ) {
        self.limit = limit
        self.remaining = remaining
        self.window = window
        self.source = source
        self.recorded = recorded
    }

    /// `nil` when the answer says nothing of it.
    init?(_ headers: HTTPHeaders, now: Timestamp) {
        let limit = headers.first("RateLimit-Limit").flatMap(Quota.init)
        let remaining = headers.first("RateLimit-Remaining").flatMap(Quota.init)
        guard limit != nil || remaining != nil else { return nil }
        self.init(
            limit: limit?.count, remaining: remaining?.count, window: limit?.window ?? remaining?.window,
            source: headers.first("Docker-RateLimit-Source").map { String($0.prefix(64)) }, recorded: now)
    }
}

/// `100;w=21600`, also as a list whose last member has the window (`3000, 3000;w=60`).
struct Quota: Equatable {
    var count: Int
    var window: Duration?

    init?(_ value: String) {
        let members = value.split(separator: ",").map { $0.split(separator: ";").map(trimmed) }
        guard let number = members.first?.first, let count = natural(number) else { return nil }
        self.count = count
        for parameter in members.joined() where parameter.hasPrefix("w=") {
            guard let seconds = natural(String(parameter.dropFirst(2))), seconds > 0 else { continue }
            window = .seconds(seconds)
        }
    }
}

/// What a refusal's text says about the limit that was hit; GHCR says it there only:
/// `retry-after: 331.163µs, allowed: 44000/minute`.
struct QuotaText: Equatable {
    var retryAfter: Duration?
    var quota: Quota?

    init(_ message: String) {
        retryAfter = QuotaText.value(of: "retry-after:", in: message).flatMap(QuotaText.duration)
        quota = QuotaText.value(of: "allowed:", in: message).flatMap(QuotaText.rate)
    }

    private static func value(of name: String, in message: String) -> String? {
        let words = message.lowercased().split { " ,;()".contains($0) }.map(String.init)
        guard let index = words.firstIndex(of: name), index + 1 < words.count else { return nil }
        return words[index + 1]
    }

    private static func rate(_ text: String) -> Quota? {
        let halves = text.split(separator: "/", maxSplits: 1).map(String.init)
        guard halves.count == 2, let count = natural(halves[0]), let unit = window(halves[1]) else { return nil }
        var quota = Quota("\(count)")
        quota?.window = unit
        return quota
    }

    private static func window(_ unit: String) -> Duration? {
        switch unit {
        case "s", "sec", "secs", "second", "seconds": .seconds(1)
        case "m", "min", "mins", "minute", "minutes": .seconds(60)
        case "h", "hr", "hrs", "hour", "hours": .seconds(60 * 60)
        case "d", "day", "days": .seconds(24 * 60 * 60)
        default: nil
        }
    }

    /// Go's form, `1m30.5s`; capped like every wait.
    private static func duration(_ text: String) -> Duration? {
        let units: [String: Double] = [
            "ns": 1e-9, "µs": 1e-6, "\u{3BC}s": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600,
        ]
        var rest = text[...]
        var seconds = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            let unit = rest[digits.endIndex...].prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            guard let number = Double(digits), let factor = units[String(unit)] else { return nil }
            seconds += number * factor
            rest = rest[unit.endIndex...]
        }
        return seconds > 0 ? min(.seconds(min(seconds, 1e9)), RetryAfter.longest) : nil
    }
}

private func natural(_ text: String) -> Int? {
    text.isEmpty || !text.utf8.allSatisfy(isDigit) ? nil : Int(text)
}

private func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
}
