internal import Glibc

/// A datagram to a program on this machine: how systemd and its journal are told things.
enum UnixDatagram {
    /// Sends all of it or nothing.
    /// - Parameters:
    ///   - descriptor: an `AF_UNIX` datagram socket, which says whether to wait for room.
    ///   - name: a path, or with `@` in front a name of the abstract space, whose first byte is 0 and whose end is its
    ///     length's.
    static func send(_ bytes: [UInt8], on descriptor: Int32, to name: String) -> Bool {
        var name = Array(name.utf8)
        if name.first == UInt8(ascii: "@") { name[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = MemoryLayout<sa_family_t>.size + name.count
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bytes.withUnsafeBytes {
                    sendto(
                        descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL), address, socklen_t(length))
                        == bytes.count
                }
            }
        }
    }
}
