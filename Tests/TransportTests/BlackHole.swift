import Glibc
import TestSupport

/// An address at which connecting neither succeeds nor fails: a listener whose queue is full, so that the kernel drops
/// what comes.
final class BlackHole: Sendable {
    let port: Int
    private let descriptors: [Int32]

    /// - Parameter port: 0 is any free one.
    init(version6: Bool = false, port wanted: Int = 0) throws {
        let family = version6 ? AF_INET6 : AF_INET
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let listener = socket(family, kind, 0)
        guard listener >= 0 else { throw StandInError.file("open a socket", path: "", errno: errno) }
        var opened = [listener]
        var address = sockaddr_storage()
        let length = Self.fill(&address, version6: version6, port: UInt16(wanted))
        let bound = Self.with(&address) { bind(listener, $0, length) }
        guard bound == 0, listen(listener, 0) == 0 else {
            let code = errno
            close(listener)
            throw StandInError.file("listen at", path: "port \(wanted)", errno: code)
        }
        var actual = length
        _ = Self.with(&address) { getsockname(listener, $0, &actual) }
        port = Self.port(of: address)
        // Nobody accepts: one fits a queue of none, and those after it wait for room that never comes.
        for _ in 0..<4 {
            let caller = socket(family, kind | Int32(SOCK_NONBLOCK.rawValue), 0)
            _ = Self.with(&address) { connect(caller, $0, length) }
            opened.append(caller)
        }
        descriptors = opened
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    private static func fill(_ address: inout sockaddr_storage, version6: Bool, port: UInt16) -> socklen_t {
        withUnsafeMutableBytes(of: &address) { bytes in
            if version6 {
                var loopback = sockaddr_in6()
                loopback.sin6_family = sa_family_t(AF_INET6)
                loopback.sin6_port = port.bigEndian
                loopback.sin6_addr = in6addr_loopback
                withUnsafeBytes(of: loopback) { bytes.copyMemory(from: $0) }
                return socklen_t(MemoryLayout<sockaddr_in6>.size)
            }
            var loopback = sockaddr_in()
            loopback.sin_family = sa_family_t(AF_INET)
            loopback.sin_port = port.bigEndian
            loopback.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            withUnsafeBytes(of: loopback) { bytes.copyMemory(from: $0) }
            return socklen_t(MemoryLayout<sockaddr_in>.size)
        }
    }

    private static func with(
        _ address: inout sockaddr_storage, _ body: (UnsafeMutablePointer<sockaddr>) -> Int32
    ) -> Int32 {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
        }
    }

    private static func port(of address: sockaddr_storage) -> Int {
        withUnsafeBytes(of: address) { bytes in
            // At the same place in both.
            Int(bytes[2]) << 8 | Int(bytes[3])
        }
    }
}
