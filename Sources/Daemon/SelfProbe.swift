internal import Coordination
internal import Serving
internal import Transport

/// Asks the control socket as any client would, on a connection of its own: an answer needs the accept loop, an event
/// loop, the tasks' threads and the catalogue.
final class SelfProbe: Sendable {
    private let limit: Duration
    private let target = Locked((path: String?.none, http: CurlClient?.none))

    init(within limit: Duration) { self.limit = limit }

    /// Where the control socket was found to be.
    func aim(at addresses: [BoundAddress]) {
        for case .unix(let path) in addresses where !path.isEmpty {
            return target.withLock { $0.path = path }
        }
    }

    /// Returns when the daemon answered, whatever it said.
    /// - Throws: ``TransportError`` when it did not.
    func ask() async throws {
        let (path, http) = target.withLock { target in
            // Only a daemon that is watched needs the client, which has a thread.
            let http = target.http ?? CurlClient(maximumConnections: 1, perHost: 1, userAgent: "layerd-watchdog")
            target.http = http
            return (target.path, http)
        }
        guard let path else { return }
        var options = ConnectionOptions()
        options.unixSocket = path
        options.connectTimeout = limit
        options.total = limit
        let request = HTTPRequest(method: .get, url: "http://layerd/readyz", options: options)
        _ = try await http.collect(request, limit: 64 << 10)
    }

    func close() async {
        await target.withLock { $0.http }?.shutdown()
    }
}
