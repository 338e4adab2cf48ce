internal import Glibc

/// A standard stream: written to whole, and asked what it is.
struct StandardStream: Sendable {
    let descriptor: Int32

    /// A reader that has gone away ends the command, quietly, as the shell's own tools end.
    func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if errno != EINTR {
                Glibc.exit(errno == EPIPE ? 0 : 1)
            }
        }
    }

    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Columns, or `nil` when the stream is no terminal or will not say.
    var width: Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}

let standardOutput = StandardStream(descriptor: STDOUT_FILENO)
let standardError = StandardStream(descriptor: STDERR_FILENO)
