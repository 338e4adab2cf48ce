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
