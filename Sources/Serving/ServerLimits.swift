/// What one client may cost. The defaults are the constants of this room; tests make them small.
public struct ServerLimits: Sendable {
    /// All header fields and the request line, in bytes; more is answered 431. Registry credentials come in a header
    /// (`X-Registry-Auth`), and an identity token can have several KiB.
    public var headerBytes = 64 << 10
    /// The request line, in bytes; more is answered 414. `GET /images/get` names every image of a `docker save` in its
    /// query.
    public var requestLineBytes = 32 << 10
    /// Header fields; more are answered 431. Engines send 6 to 15.
    public var headerCount = 100
    /// From the first byte of a head, or from connecting, to its end; answered 408. A local client needs milliseconds.
    public var headerTimeout: Duration = .seconds(10)
    /// For the first request of a connection that was made just before the server is stopped: it has been sent, or will
    /// be with the client's next step.
    public var arrivalTimeout: Duration = .seconds(1)
    /// Between requests. Clients keep idle connections for 60 to 90 s; one that loses the race retries.
    public var idleTimeout: Duration = .seconds(60)
    /// Without a byte of a body that is waited for, or without a byte taken of a response: then the connection is
    /// closed. As long as container runtimes wait for progress, and long enough for a pager that somebody left at its
    /// first page.
    public var stallTimeout: Duration = .seconds(300)
    /// For the client to take the last bytes and close, once our side is closed. Clients that send their whole body
    /// before they read an answer (docker-py) must get it all out, or they see a reset in place of the answer.
    public var lingerTimeout: Duration = .seconds(30)
    /// Connections at once, and at most half of the descriptors the process may have: the store needs the others.
    /// Beyond it the connection that has waited longest without a request yields; when all are busy, the newcomer is
    /// answered 503.
    public var connections = 4096
    /// Connections beyond the limit that are kept just long enough for their 503; more are closed at once.
    public var refusals = 64
    /// Bytes of a body received ahead of the handler that reads it.
    public var bodyBufferBytes = 256 << 10
    /// Unread bytes of a body that are discarded to keep the connection; beyond it, it is closed after the response.
    public var discardBytes: Int64 = 1 << 20
    /// Bytes of a response waiting for the socket: `write` suspends above the first and goes on below the second.
    public var writeHighBytes = 128 << 10, writeLowBytes = 32 << 10
    /// For requests that run when the server is stopped. Less than systemd's patience (`TimeoutStopSec`).
    public var gracePeriod: Duration = .seconds(20)
    /// Event loops. One is most frugal; a second lets one long `sendfile` and the small requests go side by side.
    public var threads = 2

    public init() {}
}
