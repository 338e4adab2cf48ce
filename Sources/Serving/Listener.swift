/// Where to listen.
public enum Listener: Sendable, Equatable {
    /// A Unix socket made at `path`, with that mode (permission bits) and group before anybody can connect. A stale
    /// socket there is replaced; one that somebody answers is an error. Removed at stop.
    case unix(path: String, mode: UInt32, group: String?)
    /// An IP address (or `localhost`) and port; port 0 takes a free one.
    case tcp(host: String, port: Int, tls: TLSIdentity? = nil)
    /// A listening socket from a parent, as in socket activation. It becomes the server's and is closed at stop; its
    /// path, if any, is left alone.
    case inherited(fd: Int32)
}

/// How a TCP listener proves who it is, and whom it lets in. Files in PEM, read when the server starts.
public struct TLSIdentity: Sendable, Equatable {
    /// The certificate, with those that vouch for it after it, and its key.
    public var certificate: String, key: String
    /// Authorities of client certificates; with them, nobody gets in without one.
    public var clientAuthorities: String?

    public init(certificate: String, key: String, clientAuthorities: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
    }
}

/// Where the server listens: what was asked for, with the port that was found.
public enum BoundAddress: Sendable, Hashable, CustomStringConvertible {
    /// The path, empty when an inherited socket has none.
    case unix(path: String)
    /// The address in numbers, and the port.
    case tcp(host: String, port: Int)

    public var description: String {
        switch self {
        case .unix(let path): "unix://\(path)"
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }

    /// The port of a TCP address.
    public var port: Int? {
        if case .tcp(_, let port) = self { port } else { nil }
    }
}
