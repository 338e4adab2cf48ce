/// Where and how to connect. Connections are shared only between requests that would have made the same one.
public struct ConnectionOptions: Sendable, Hashable {
    /// A PEM file of authorities to trust besides the system's.
    public var caFile: String?
    /// A PEM file with the certificate to show to the server.
    public var clientCertificate: String?
    /// A PEM file with that certificate's key, where it is not in the same file.
    public var clientKey: String?
    /// A proxy as a URL. `nil` takes the environment's (`HTTPS_PROXY`, `NO_PROXY`, …); the empty string means none.
    public var proxy: String?
    /// The path of a Unix socket to connect to instead of the URL's host. Never proxied.
    public var unixSocket: String?
    /// Accepts any certificate for any name.
    public var insecure = false
    /// Speaks HTTP/2 where the server offers it over TLS.
    public var allowHTTP2 = true
    /// Connects to link-local addresses too. They are refused otherwise, whatever name led there: cloud machines give
    /// out their credentials at such an address, and a redirect must not be able to ask for them.
    public var allowLinkLocal = false
    /// Connects to this machine and its private networks too. Without, they are refused whatever name led there: a
    /// redirect or a token realm of a registry that is outside must not have us ask what only we can reach.
    public var allowInside = true
    /// Fixed addresses, each `host:port:address`. They hold for the life of the client, not for one request.
    public var resolve: [String] = []
    /// The time to resolve the name, connect and shake hands; waiting for a free connection is not counted.
    public var connectTimeout: Duration = .seconds(10)
    /// Bytes per second below which a transfer counts as stalled.
    public var lowSpeedBytesPerSecond = 1024
    /// How long a transfer may stay below that before it is given up, in whole seconds; zero waits for ever. A transfer
    /// paused by its sink is not measured.
    public var lowSpeedTime: Duration = .seconds(30)
    /// The time from asking to the last byte of the answer, pauses and waiting for a free connection included.
    public var total: Duration?

    /// Makes the defaults: system authorities, environment's proxy, HTTP/2 where offered.
    public init() {}
}
