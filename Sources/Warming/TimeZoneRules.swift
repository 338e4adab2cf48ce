internal import FoundationEssentials
internal import Glibc

/// By how much a zone's clocks differ from UTC, and since when: a file of the time zone database.
///
/// Read by hand: libc changes its zone for the whole process only, and knows one at a time.
///
/// Source: tzfile(5), RFC 9636.
public struct TimeZoneRules: Sendable {
    /// When it begins, in seconds since 1970.
    private var starts: [Int64] = []
    /// Seconds east of Greenwich from each start on.
    private var offsets: [Int64] = []
    private var first: Int64 = 0
    /// What holds after the last start.
    private var rest: PosixZone?

    /// Where clocks are never changed.
    public static let utc = TimeZoneRules()

    private init() {}

    /// A zone by its name, `Europe/Berlin`; `nil` when the machine does not know it.
    static func named(_ name: String, folder: String = "/usr/share/zoneinfo") -> TimeZoneRules? {
        let isName = name.utf8.allSatisfy { byte in
            switch UInt8(byte) {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "+"),
                UInt8(ascii: "/"):
                true
            default: false
            }
        }
        guard isName, !name.isEmpty, !name.hasPrefix("/"), !name.contains("//") else { return nil }
        return TimeZoneRules(file: "\(folder)/\(name)")
    }

    /// The machine's: `$TZ` where it is set, else `/etc/localtime`, else UTC.
    public static func local() -> TimeZoneRules { local(environment: ProcessInfo.processInfo.environment) }

    static func local(environment: [String: String]) -> TimeZoneRules {
        guard var name = environment["TZ"], !name.isEmpty else { return TimeZoneRules(file: "/etc/localtime") ?? .utc }
        if name.hasPrefix(":") { name.removeFirst() }
        if let zone = name.hasPrefix("/") ? TimeZoneRules(file: name) : named(name) { return zone }
        guard let posix = PosixZone(name) else { return .utc }
        var rules = TimeZoneRules()
        rules.rest = posix
        return rules
    }

    private init?(file: String) {
        // Directories and other things cannot be read; a zone is some KiB.
        guard let data = FileManager.default.contents(atPath: file), data.count < 1 << 20 else { return nil }
        self.init(Array(data))
    }

    /// - Parameter bytes: the file's; of its two tables the second has 64 bits.
    init?(_ bytes: [UInt8]) {
        var reader = ZoneReader(bytes)
        guard var header = reader.header() else { return nil }
        var width = 4
        if header.version >= UInt8(ascii: "2") {
            guard reader.skip(header.length(width: 4)), let second = reader.header() else { return nil }
            (header, width) = (second, 8)
        }
        guard let starts = reader.numbers(header.starts, width: width), let kinds = reader.bytes(header.starts),
            let types = reader.types(header.types),
            reader.skip(header.names + header.leaps * (width + 4) + header.standard + header.universal),
            starts == starts.sorted(), kinds.allSatisfy({ Int($0) < types.count }), let first = types.first
        else { return nil }
        self.starts = starts
        offsets = kinds.map { types[Int($0)] }
        self.first = first
        if width == 8 { rest = PosixZone(reader.footer()) }
    }

    /// Seconds east of Greenwich at a moment, in seconds since 1970.
    func offset(at moment: Int64) -> Int64 {
        if let rest, starts.last.map({ moment >= $0 }) ?? true { return rest.offset(at: moment) }
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= moment { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? first : offsets[low - 1]
    }

    /// The moments at which clocks show `local`, which counts seconds as if the zone were UTC: none when they are set
    /// forward over it, two when they are set back over it; in order.
    func instants(ofLocal local: Int64) -> [Int64] {
        Set(offsets(near: local)).map { local - $0 }.filter { offset(at: $0) + $0 == local }.sorted()
    }

    /// What clocks show after `moment` is not earlier than with this.
    func leastOffset(near moment: Int64) -> Int64 { offsets(near: moment).min() ?? 0 }

    private func offsets(near moment: Int64) -> [Int64] { [-86_400, 0, 86_400].map { offset(at: moment + $0) } }
}

/// The numbers of a zone's file, most significant byte first.
private struct ZoneReader {
    struct Header {
        var version: UInt8
        var universal: Int, standard: Int, leaps: Int, starts: Int, types: Int, names: Int

        func length(width: Int) -> Int {
            starts * (width + 1) + types * 6 + names + leaps * (width + 4) + standard + universal
        }
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func skip(_ count: Int) -> Bool { bytes(count) != nil }

    mutating func number(width: Int) -> Int64? {
        guard let bytes = bytes(width), let first = bytes.first else { return nil }
        return bytes.reduce(first >= 0x80 ? -1 : 0) { $0 << 8 | Int64($1) }
    }

    mutating func numbers(_ count: Int, width: Int) -> [Int64]? {
        guard rest.count >= count * width else { return nil }
        let numbers = (0..<count).compactMap { _ in number(width: width) }
        return numbers.count == count ? numbers : nil
    }

    mutating func header() -> Header? {
        guard let magic = bytes(4), Array(magic) == Array("TZif".utf8), let version = bytes(1)?.first, skip(15),
            let counts = numbers(6, width: 4), counts.allSatisfy({ 0..<100_000 ~= $0 })
        else { return nil }
        let c = counts.map(Int.init)
        return Header(
            version: version, universal: c[0], standard: c[1], leaps: c[2], starts: c[3], types: c[4], names: c[5])
    }

    /// Offset, whether it is summer's, and the name's place, of which the first is wanted.
    mutating func types(_ count: Int) -> [Int64]? {
        var offsets: [Int64] = []
        for _ in 0..<count {
            guard let offset = number(width: 4), abs(offset) < 7 * 86_400, skip(2) else { return nil }
            offsets.append(offset)
        }
        return offsets
    }

    /// Between two line breaks.
    func footer() -> String {
        String(decoding: rest.dropFirst().prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
