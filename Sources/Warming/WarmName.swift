public import OCI

/// An image's name as a warm list has it: a reference, or a repository and a range of its tags.
public struct WarmName: Sendable, Hashable {
    public enum Meaning: Sendable, Hashable {
        case reference(Reference)
        case range(Repository, TagRange)
    }

    public let meaning: Meaning

    /// - Throws: ``OCIError``; ``WarmError/invalidRange(_:)``.
    public init(_ text: String) throws {
        let tail = text[(text.lastIndex(of: "/") ?? text.startIndex)...]
        guard let colon = tail.firstIndex(of: ":"), !text.contains("@"),
            text[colon...].contains(where: { "*^~<>=".contains($0) })
        else {
            meaning = .reference(try Reference(parsing: text))
            return
        }
        guard let range = TagRange(String(text[text.index(after: colon)...])) else {
            throw WarmError.invalidRange(text)
        }
        meaning = .range(try Reference(parsing: String(text[..<colon])).repository, range)
    }
}

/// A version as tags have it: numbers between points, and what follows them.
struct TagVersion: Sendable, Hashable, Comparable {
    var numbers: [Int]
    /// What follows the numbers, `-alpine`; variants are never mixed.
    var suffix: String

    init?(_ tag: String) {
        var rest = tag[...]
        if rest.first == "v" { rest.removeFirst() }
        var numbers: [Int] = []
        while true {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard !digits.isEmpty, digits.count <= 9, let number = Int(digits) else { return nil }
            numbers.append(number)
            rest = rest.dropFirst(digits.count)
            guard rest.first == ".", numbers.count < 4 else { break }
            rest.removeFirst()
        }
        guard rest.isEmpty || rest.first == "-" || rest.first == "+" || rest.first == "_" else { return nil }
        self.numbers = numbers
        suffix = String(rest)
    }

    /// Of two tags that mean the same so far, the one that says more is later: 7.4.1 is what 7.4 was at some time.
    static func < (left: TagVersion, right: TagVersion) -> Bool {
        for (a, b) in zip(left.numbers, right.numbers) where a != b { return a < b }
        return left.numbers.count < right.numbers.count
    }
}

/// Which versions of a repository are meant: `7.*`, `^1.2`, `~1.2.3`, `>=1.2`, several joined by commas, each
/// with a variant after it if it is wanted (`7.*-alpine`).
///
/// Source: node-semver's ranges, as far as tags need them.
public struct TagRange: Sendable, Hashable {
    private enum Bound: Sendable, Hashable {
        case least([Int]), below([Int]), above([Int]), most([Int])
    }

    private var bounds: [Bound] = []
    private var suffix = ""

    init?(_ text: String) {
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard add(part.trimmed) else { return nil }
        }
    }

    private mutating func add(_ text: String) -> Bool {
        for (sign, make) in [(">=", Bound.least), ("<=", Bound.most), (">", Bound.above), ("<", Bound.below)]
        where text.hasPrefix(sign) {
            guard let version = TagVersion(text.dropFirst(sign.count).trimmed) else { return false }
            suffix = version.suffix.isEmpty ? suffix : version.suffix
            bounds.append(make(version.numbers))
            return true
        }
        if let first = text.first, "^~=".contains(first) {
            guard let version = TagVersion(String(text.dropFirst())) else { return false }
            suffix = version.suffix
            bounds += [.least(version.numbers), Self.end(of: version.numbers, first)]
            return true
        }
        return addWildcard(text)
    }

    private static func end(of numbers: [Int], _ sign: Character) -> Bound {
        switch sign {
        case "^": .below(next(numbers, keeping: (numbers.firstIndex { $0 > 0 } ?? numbers.count - 1) + 1))
        case "~": .below(next(numbers, keeping: min(2, numbers.count)))
        default: .below(next(numbers, keeping: numbers.count))
        }
    }

    /// The first version after all that begin with so many of these numbers.
    private static func next(_ numbers: [Int], keeping count: Int) -> [Int] {
        var kept = Array(numbers.prefix(count))
        kept[kept.count - 1] += 1
        return kept
    }

    private mutating func addWildcard(_ text: String) -> Bool {
        guard let star = text.firstIndex(of: "*") else { return false }
        suffix = String(text[text.index(after: star)...])
        guard suffix.isEmpty || suffix.hasPrefix("-"), !suffix.contains("*") else { return false }
        let head = text[..<star]
        guard !head.isEmpty else {
            bounds.append(.least([0]))
            return true
        }
        guard head.last == ".", let version = TagVersion(String(head.dropLast())), version.suffix.isEmpty else {
            return false
        }
        bounds += [
            .least(version.numbers), .below(Self.next(version.numbers, keeping: version.numbers.count)),
        ]
        return true
    }

    private func admits(_ version: TagVersion) -> Bool {
        guard version.suffix == suffix else { return false }
        return bounds.allSatisfy { bound in
            switch bound {
            case .least(let least): !version.numbers.isBefore(least)
            case .below(let end): version.numbers.isBefore(end)
            case .above(let low): low.isBefore(version.numbers)
            case .most(let most): !most.isBefore(version.numbers)
            }
        }
    }

    /// The latest of the tags that fits.
    public func best(of tags: [String]) -> String? {
        let fitting = tags.compactMap { tag in TagVersion(tag).map { (tag, $0) } }.filter { admits($0.1) }
        return fitting.max { $0.1 < $1.1 }?.0
    }
}

extension [Int] {
    /// As versions, numbers that are not there counting as 0.
    fileprivate func isBefore(_ other: [Int]) -> Bool {
        for place in 0..<Swift.max(count, other.count) {
            let (a, b) = (place < count ? self[place] : 0, place < other.count ? other[place] : 0)
            if a != b { return a < b }
        }
        return false
    }
}
