internal import Glibc
internal import NIOCore

/// A socket that accepts connections already, and how to take it away again.
struct ListeningSocket: Sendable {
    let descriptor: Int32
    /// For messages.
    let name: String
    private var made: PathIdentity?

    /// Connections that wait for `accept`; the kernel bounds it by `somaxconn`.
    private static let backlog: Int32 = 1024

    /// Opens all or none.
    static func open(_ listeners: [Listener]) throws(ServingError) -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        for listener in listeners {
            do throws(ServingError) {
                switch listener {
                case .unix(let path, let mode, let group): sockets.append(try unix(path, mode: mode, group: group))
                case .tcp(let host, let port, _): sockets.append(try tcp(host, port))
                case .inherited(let descriptor): sockets.append(try inherited(descriptor))
                }
            } catch {
                for socket in sockets {
                    socket.removePath()
                    socket.close()
                }
                throw error
            }
        }
        return sockets
    }

    func close() { Glibc.close(descriptor) }

    /// Removes the path of a Unix socket made here, unless another socket has taken its place.
    func removePath() {
        guard let made, PathIdentity(made.path) == made else { return }
        unlink(made.path)
    }

    /// What to report for it, from what NIO says it is bound to.
    func address(bound: SocketAddress?) throws -> BoundAddress {
        switch bound {
        case .v4, .v6: .tcp(host: bound?.ipAddress ?? "", port: bound?.port ?? 0)
        case .unixDomainSocket: .unix(path: bound?.pathname ?? "")
        case nil: .unix(path: made?.path ?? "")
        }
    }

    private static func inherited(_ descriptor: Int32) throws(ServingError) -> ListeningSocket {
        var accepts: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0, accepts != 0,
            prepare(descriptor)
        else { throw .notListening(descriptor: descriptor) }
        return ListeningSocket(descriptor: descriptor, name: "inherited descriptor \(descriptor)")
    }

    private static func tcp(_ host: String, _ port: Int) throws(ServingError) -> ListeningSocket {
        let name = BoundAddress.tcp(host: host, port: port).description
        let address: SocketAddress
        do {
            guard (0...65_535).contains(port) else { throw ServingError.invalidAddress(name) }
            // Names are not looked up: what a daemon listens at must not depend on a server elsewhere.
            address = try SocketAddress(ipAddress: host == "localhost" ? "127.0.0.1" : host, port: port)
        } catch { throw .invalidAddress(name) }
        let socket = try make(address.protocol == .inet6 ? AF_INET6 : AF_INET, name: name)
        do throws(ServingError) {
            try socket.set(SOL_SOCKET, SO_REUSEADDR)
            try socket.set(Int32(IPPROTO_TCP), TCP_NODELAY)  // accepted connections inherit it
            try socket.set(SOL_SOCKET, SO_KEEPALIVE)
            if address.protocol == .inet6 { try socket.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
            try socket.bind(address)
            try socket.listen()
        } catch {
            socket.close()
            throw error
        }
        return socket
    }

    private static func unix(_ path: String, mode: UInt32, group: String?) throws(ServingError) -> ListeningSocket {
        let address: SocketAddress
        do { address = try SocketAddress(unixDomainSocketPath: path) } catch { throw .invalidAddress(path) }
        let id = try group.map { name throws(ServingError) in try groupID(name) }
        try StaleSocket(path: path, address: address).remove()
        var socket = try make(AF_UNIX, name: path)
        do throws(ServingError) {
            // Closed to everyone until owner and mode are right; and nobody can connect before `listen` anyway.
            guard fchmod(socket.descriptor, 0) == 0 else { throw socket.refusal() }
            try socket.bind(address)
            socket.made = PathIdentity(path)
            if let id, lchown(path, uid_t.max, id) != 0 { throw socket.refusal() }
            guard chmod(path, mode) == 0 else { throw socket.refusal() }
            try socket.listen()
        } catch {
            socket.removePath()
            socket.close()
            throw error
        }
        return socket
    }

    private static func make(_ family: Int32, name: String) throws(ServingError) -> ListeningSocket {
        let flags = SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let descriptor = Glibc.socket(family, Int32(SOCK_STREAM.rawValue | flags), 0)
        guard descriptor >= 0 else { throw .cannotListen(address: name, reason: systemReason()) }
        return ListeningSocket(descriptor: descriptor, name: name)
    }

    private func set(_ level: Int32, _ option: Int32) throws(ServingError) {
        var on: Int32 = 1
        guard setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw refusal()
        }
    }

    private func bind(_ address: SocketAddress) throws(ServingError) {
        guard address.withSockAddr({ Glibc.bind(descriptor, $0, socklen_t($1)) }) == 0 else { throw refusal() }
    }

    private func listen() throws(ServingError) {
        guard Glibc.listen(descriptor, ListeningSocket.backlog) == 0 else { throw refusal() }
    }

    /// What the last call failed with.
    private func refusal() -> ServingError { .cannotListen(address: name, reason: systemReason()) }

    /// A descriptor from a parent may block and be inherited further; ours may not.
    private static func prepare(_ descriptor: Int32) -> Bool {
        fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
            && fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0
    }
}

/// Which file has a path: it may be another one tomorrow.
private struct PathIdentity: Equatable, Sendable {
    let path: String
    let device: UInt64
    let inode: UInt64

    init?(_ path: String) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return nil }
        self.path = path
        device = UInt64(info.st_dev)
        inode = UInt64(info.st_ino)
    }
}
