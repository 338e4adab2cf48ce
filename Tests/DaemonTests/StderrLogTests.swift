import Glibc
import Logging
import TestSupport
import Testing

@testable import Daemon

@Suite struct `A line of the log` {
    @Test(arguments: [
        ("pull of a:1", "pull of a:1"), ("a\nERROR forged", "a ERROR forged"), ("a\r\nb", "a  b"),
        ("\u{1B}[2Jgone", " [2Jgone"), ("\u{9B}31m", " 31m"), ("a\u{2028}b\u{2029}c", "a b c"), ("\u{0}\u{7F}", "  "),
        ("ä→\u{1F40B}", "ä→\u{1F40B}"),
    ])
    func `keeps what comes from outside to its line, and from the terminal`(text: String, line: String) {
        #expect(StderrLog.oneLine(text) == line)
    }
}

@Suite struct `The journal` {
    private let directory: TemporaryDirectory
    private let journal: NotifySocket
    /// What stderr is.
    private let file: Int32
    private var stream: String {
        var status = stat()
        fstat(file, &status)
        return "\(status.st_dev):\(status.st_ino)"
    }

    init() throws {
        directory = try TemporaryDirectory()
        journal = try NotifySocket(path: directory.path("journal"))
        file = open(directory.path("stderr"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    }

    private func log(stream: String, path: String) throws -> String {
        let journal = JournalSocket(stream: stream, descriptor: file, path: path)
        let handler = StderrLog(
            format: .text, level: LogLevel(.info), isJournal: true, journal: journal,
            output: LogOutput(descriptor: file))
        let logger = Logger(label: "test") { _ in handler }
        logger.warning("not pulled", metadata: ["image": "a:1\nPRIORITY=0", "retryAfter": "3 s"])
        return String(decoding: try Files.read(directory.path("stderr")), as: UTF8.self)
    }

    @Test func `gets an entry with fields`() async throws {
        #expect(try log(stream: stream, path: directory.path("journal")) == "")
        try await journal.wait(for: "LAYERD_RETRY")
        #expect(
            journal.lines == [
                "MESSAGE=not pulled image=\"a:1 PRIORITY=0\" retryAfter=\"3 s\"", "PRIORITY=4",
                "SYSLOG_IDENTIFIER=layerd", "LAYERD_IMAGE=a:1 PRIORITY=0", "LAYERD_RETRY_AFTER=3 s",
            ])
        close(file)
    }

    @Test func `that is not there, or not behind stderr, leaves the line on stderr`() throws {
        let line = "<4>not pulled image=\"a:1 PRIORITY=0\" retryAfter=\"3 s\"\n"
        #expect(try log(stream: stream, path: directory.path("none")) == line)
        #expect(try log(stream: "1:2", path: directory.path("journal")) == line + line)
        close(file)
    }

    @Test(arguments: [
        ("image", "LAYERD_IMAGE"), ("freedBytes", "LAYERD_FREED_BYTES"), ("a-b.c", "LAYERD_A_B_C"),
        ("ä", "LAYERD__"), (String(repeating: "x", count: 90), "LAYERD_" + String(repeating: "X", count: 57)),
    ])
    func `has names of fields as it allows them`(key: String, name: String) {
        #expect(JournalSocket.name(key) == name)
    }
}
