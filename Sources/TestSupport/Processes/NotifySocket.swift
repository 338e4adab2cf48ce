internal import FoundationEssentials
internal import Glibc

/// A service manager's end of `sd_notify(3)`: a datagram socket that keeps all it is told.
public final class NotifySocket: Sendable {
    /// What `NOTIFY_SOCKET` is to be.
    public let path: String
    private let descriptor: Int32
    private let heard = Watched<[String]>([])

    /// - Throws: ``StandInError``.
    public init(path: String) throws {
        self.path = path
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw StandInError.file("bind", path: path, errno: errno) }
        let heard = heard
        try detachThread {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                let lines = String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: "\n").map(
                    String.init)
                heard.update { $0 += lines }
            }
            close(descriptor)
        }
    }

    deinit {
        // Wakes the thread, which closes it.
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// All fields told so far, `NAME=VALUE`, in order.
    public var lines: [String] { heard.value }

    /// Waits until `count` fields have begun with `prefix`, and returns the last of these.
    /// - Throws: ``StandInError/timedOut(_:)``.
    @discardableResult
    public func wait(for prefix: String, count: Int = 1, timeout: Duration = .seconds(30)) async throws -> String {
        try await heard.wait(for: "the service manager to be told \(prefix)", timeout: timeout) { lines in
            let found = lines.filter { $0.hasPrefix(prefix) }
            return found.count >= count ? found[count - 1] : nil
        }
    }
}
