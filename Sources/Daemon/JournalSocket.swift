internal import Glibc

/// The journal's own entrance, which takes fields beside the text: `journalctl LAYERD_IMAGE=…` then finds what was
/// logged of an image, and `-o json` gives it to programs.
///
/// Follows systemd's "Native Journal Protocol" and, for when to use it, `systemd.exec(5)` on `$JOURNAL_STREAM`.
final class JournalSocket: Sendable {
    /// Where journald listens.
    static let path = "/run/systemd/journal/socket"
    /// The one behind this process's stderr.
    static let standardError = JournalSocket(
        stream: getenv("JOURNAL_STREAM").map { String(cString: $0) }, descriptor: STDERR_FILENO)

    private let path: String
    private let socket: Int32

    /// `nil` unless `descriptor` is the stream that systemd connected to the journal: somebody who has sent it
    /// elsewhere since, with `2>file`, wants it there.
    /// - Parameter stream: the stream's device and inode, `$JOURNAL_STREAM`.
    init?(stream: String?, descriptor: Int32, path: String = JournalSocket.path) {
        var status = stat()
        guard let stream, fstat(descriptor, &status) == 0, stream == "\(status.st_dev):\(status.st_ino)" else {
            return nil
        }
        let kind = SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        socket = Glibc.socket(AF_UNIX, Int32(kind), 0)
        self.path = path
        if socket < 0 { return nil }
    }

    deinit { close(socket) }

    /// One entry. Does not wait: without room, or a journal, the answer is `false`, and stderr still leads there.
    func log(_ message: String, priority: Int, fields: [(key: String, value: String)]) -> Bool {
        let own = [("MESSAGE", message), ("PRIORITY", "\(priority)"), ("SYSLOG_IDENTIFIER", "layerd")]
        let all = own + fields.map { (Self.name($0.key), $0.value) }
        // A line break in a value would forge a field.
        let text = all.map { "\($0)=\(StderrLog.oneLine($1))\n" }.joined()
        return UnixDatagram.send(Array(text.utf8), on: socket, to: path)
    }

    /// Such as `LAYERD_RETRY_AFTER` for `retryAfter`: up to 64 capital letters, digits and underscores are all that a
    /// field's name may have.
    static func name(_ key: String) -> String {
        var name = "LAYERD_"
        var previous: Character = "_"
        for character in key {
            if character.isUppercase, previous.isLowercase { name.append("_") }
            let isPlain = character.isASCII && (character.isLetter || character.isNumber)
            name += isPlain ? character.uppercased() : "_"
            previous = character
        }
        return String(name.prefix(64))
    }
}
