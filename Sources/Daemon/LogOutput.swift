internal import Coordination
internal import Glibc
public import Logging

/// The least level that is logged, for all of the daemon; may change while it runs.
public final class LogLevel: Sendable {
    private let level: Locked<Logger.Level>

    public init(_ level: Logger.Level) { self.level = Locked(level) }

    public var value: Logger.Level { level.withLock { $0 } }

    func set(_ new: Logger.Level) { level.withLock { $0 = new } }
}

/// Where log lines go: whole, one after another, and never waiting for the reader.
///
/// A journal that hangs, or a pipe nobody empties, would otherwise stop every task that has something to say. A closed
/// stderr is no reason to stop serving either.
final class LogOutput: Sendable {
    static let standardError = LogOutput(descriptor: STDERR_FILENO)

    private let descriptor: Int32
    private let isSocket: Bool
    /// Lines dropped since the last that was written.
    private let dropped = Locked(0)

    init(descriptor: Int32) {
        self.descriptor = descriptor
        var type: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        isSocket = getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) == 0
    }

    func write(_ line: [UInt8]) {
        dropped.withLock { dropped in
            if dropped > 0, put(Array("layerd: \(dropped) log lines were dropped: nobody read them\n".utf8)) {
                dropped = 0
            }
            if dropped > 0 || !put(line) { dropped += 1 }
        }
    }

    /// A pipe that polls writable takes a page without waiting, which is longer than any line of ours should be; of a
    /// longer one the rest is cut rather than waited for.
    private func put(_ line: [UInt8]) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard Glibc.poll(&poll, 1, 0) == 1, poll.revents & Int16(POLLOUT) != 0 else { return false }
        var line = line
        if !isSocket, line.count > Int(PIPE_BUF) { line = Array(line.prefix(Int(PIPE_BUF) - 1)) + [UInt8(ascii: "\n")] }
        return line.withUnsafeBytes { bytes in
            isSocket
                ? send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
                    > 0
                : Glibc.write(descriptor, bytes.baseAddress, bytes.count) > 0
        }
    }
}
