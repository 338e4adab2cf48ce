internal import FoundationEssentials
internal import Glibc
public import Logging
internal import OCI

/// Writes each log event as one line on stderr.
///
/// Never holds up the daemon: a line that the reader has no room for is dropped, and the next that fits says how many
/// were.
///
/// Text by default, with the `<N>` priority prefix when the journal reads it (`sd-daemon(3)`), or as an entry with
/// fields where the journal's own socket takes it; with `.json` one object a line.
public struct StderrLog: LogHandler {
    public enum Format: String, Sendable, CaseIterable {
        case text, json
    }

    public var metadata: Logger.Metadata = [:]
    /// The daemon's, which a reload may change, unless this logger has one of its own.
    public var logLevel: Logger.Level {
        get { own ?? level.value }
        set { own = newValue }
    }
    private var own: Logger.Level?
    private let level: LogLevel
    private let format: Format
    /// Whether the journal reads the lines.
    private let isJournal: Bool
    private let journal: JournalSocket?
    private let output: LogOutput

    public init(format: Format, level: LogLevel) {
        self.init(
            format: format, level: level, isJournal: getenv("JOURNAL_STREAM") != nil, journal: .standardError,
            output: .standardError)
    }

    init(format: Format, level: LogLevel, isJournal: Bool, journal: JournalSocket?, output: LogOutput) {
        self.format = format
        self.level = level
        self.isJournal = isJournal
        self.journal = journal
        self.output = output
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { _, new in new }.sorted { $0.key < $1.key }
        switch format {
        case .text:
            let texts = fields.map { (key: $0.key, value: $0.value.description) }
            let line = text(event, texts)
            if let journal, journal.log(line, priority: priority(event.level), fields: texts) { return }
            let prefix = isJournal ? "<\(priority(event.level))>" : "\(timestamp()) \(event.level.rawValue) "
            output.write(Array((prefix + line + "\n").utf8))
        case .json: output.write(json(event, fields))
        }
    }

    /// What people read has the fields, too.
    private func text(_ event: LogEvent, _ fields: [(key: String, value: String)]) -> String {
        Self.oneLine("\(event.message)") + fields.map { " \($0.key)=\(value($0.value))" }.joined()
    }

    private func json(_ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)]) -> [UInt8] {
        var members = [
            JSON.Member("time", .string(timestamp())), JSON.Member("level", .string(event.level.rawValue)),
            JSON.Member("message", .string("\(event.message)")),
        ]
        members += fields.map { JSON.Member($0.key, .string($0.value.description)) }
        return JSON.object(members).serialized() + [UInt8(ascii: "\n")]
    }

    private func value(_ text: String) -> String {
        let line = Self.oneLine(text)
        return line.contains { $0 == " " || $0 == "\"" } ? "\"" + line.replacing("\"", with: "'") + "\"" : line
    }

    /// Text without what would forge a line of the log, or tell the terminal of who reads it to do something: names of
    /// images, users and hosts come from outside.
    static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
    }

    /// C0, DEL and C1 (of which one begins an escape sequence, too), and Unicode's two line ends.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029: true
        default: false
        }
    }

    private func timestamp() -> String { "\(Timestamp.now())" }

    private func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}

extension Timestamp {
    /// The wall clock, which may jump: for people and for records, never for measuring.
    static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }
}
