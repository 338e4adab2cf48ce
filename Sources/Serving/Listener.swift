/// Where to listen.
public enum Listener: Sendable, Equatable {
    /// A Unix socket made at `path`, with that mode (permission bits) and group before anybody can connect. A stale
    /// socket there is replaced; one that somebody answers is an error. Removed at stop.
    case unix(path: String, mode: UInt32, group: String?)
    /// An IP address (or `localhost`) and port; port 0 takes a free one.
    case tcp(host: String, port: Int)
    /// A listening socket from a parent, as in socket activation. It becomes the server's and is closed at stop; its
    /// path, if any, is left alone.
    case inherited(fd: Int32)
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
