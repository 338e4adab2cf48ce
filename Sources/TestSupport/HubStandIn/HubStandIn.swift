// HubStandIn: Docker Hub on loopback: registry, token server and CDN at one port under three names, with real answers,
// scripted faults and a log of everything that was asked.

internal import Coordination
internal import Glibc
internal import NIOSSL

/// A stand-in for Docker Hub. Serves from ``start(_:)`` until ``stop()``, or until the last reference goes.
///
/// Clients reach its names with ``resolve`` (libcurl's CURLOPT_RESOLVE) and trust ``caFile``.
public final class HubStandIn: Sendable {
    public let options: HubOptions
    /// What is served; may change at any time.
    public let content: HubContent
    /// What was asked.
    public let log: RequestLog
    /// The port of 127.0.0.1 it listens on; the same after ``goOnline()``.
    public let port: Int
    /// The CA that signed its certificate; `nil` without TLS.
    public let authority: CertificateAuthority?
    private let router: HubRouter
    private let script: FaultScript
    private let tls: NIOSSLContext?
    private let server: Locked<HubServer?>

    /// Makes certificates and begins to listen on a free port.
    /// - Throws: ``StandInError``; what NIO throws when it cannot bind.
    public static func start(_ options: HubOptions = HubOptions()) async throws -> HubStandIn {
        let authority = options.tls ? try await CertificateAuthority(directory: options.stateDirectory) : nil
        let tls = if let authority { try await context(options, authority) } else { NIOSSLContext?.none }
        let content = HubContent()
        let connection = HubConnection(
            router: HubRouter(options: options, content: content), script: FaultScript(), log: RequestLog())
        let server = try await HubServer.start(port: 0, tls: tls, serve: connection.serve)
        connection.router.port = server.port
        return HubStandIn(connection, server, authority, tls)
    }

    private init(
        _ connection: HubConnection, _ server: HubServer, _ authority: CertificateAuthority?, _ tls: NIOSSLContext?
    ) {
        options = connection.router.options
        content = connection.router.content
        log = connection.log
        router = connection.router
        script = connection.script
        port = server.port
        self.authority = authority
        self.tls = tls
        self.server = Locked(server)
    }

    private static func context(_ options: HubOptions, _ authority: CertificateAuthority) async throws -> NIOSSLContext
    {
        let names = options.names
        let all = [names.registry, names.auth, names.cdn] + names.aliases + ["localhost", "127.0.0.1"]
        let identity = try await authority.server(all.reduce(into: []) { if !$0.contains($1) { $0.append($1) } })
        let chain = try NIOSSLCertificate.fromPEMFile(identity.certificate).map {
            NIOSSLCertificateSource.certificate($0)
        }
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain, privateKey: .privateKey(try NIOSSLPrivateKey(file: identity.key, format: .pem)))
        settings.applicationProtocols = ["http/1.1"]
        if options.requiresClientCertificate {
            settings.certificateVerification = .noHostnameVerification
            settings.trustRoots = .file(authority.caFile)
        }
        return try NIOSSLContext(configuration: settings)
    }

    /// Stops listening, ends all connections, and waits until all is over.
    public func stop() async {
        let server = server.withLock { server in
            defer { server = nil }
            return server
        }
        await server?.stop()
    }

    /// The same as ``stop()``: connections are refused until ``goOnline()``.
    public func goOffline() async { await stop() }

    /// Listens again, at the same port.
    /// - Throws: what NIO throws when somebody has taken the port meanwhile.
    public func goOnline() async throws {
        await stop()
        let connection = HubConnection(router: router, script: script, log: log)
        let new = try await HubServer.start(port: port, tls: tls, serve: connection.serve)
        server.withLock { $0 = new }
    }
}

extension HubStandIn {
    /// Path of the CA's certificate in PEM; `nil` without TLS.
    public var caFile: String? { authority?.caFile }

    /// The registry's URL with its port, without a slash at the end.
    public var endpoint: String { router.url(options.names.registry) }

    /// The registry's name with its port: what stands before the repository in a client's reference.
    public var host: String { "\(options.names.registry):\(port)" }

    /// The token server's URL.
    public var realm: String { router.url(options.names.auth, "/token") }

    /// The CDN's URL with its port, without a slash at the end.
    public var cdn: String { router.url(options.names.cdn) }

    /// For CURLOPT_RESOLVE, one entry for each name: `registry-1.docker.io:PORT:127.0.0.1`.
    public var resolve: [String] {
        let names = options.names
        let all = Set([names.registry, names.auth, names.cdn] + names.aliases).subtracting(["localhost", "127.0.0.1"])
        return all.sorted().map { "\($0):\(port):127.0.0.1" }
    }

    /// Adds a rule: the requests that fit are answered in this way. Rules add up, in the order in which they came.
    public func misbehave(on matcher: RequestMatcher, _ occurrence: Occurrence = .always, _ how: Misbehaviour...) {
        script.add(matcher, occurrence, how)
    }

    /// Forgets all rules.
    public func behave() { script.clear() }

    /// Lets time pass: tokens and signed URLs grow old.
    public func advance(by duration: Duration) { router.advance(by: duration.components.seconds) }

    /// Makes all tokens invalid now.
    public func revokeTokens() { router.tokens.revokeAll() }

    /// Sets another pull limit and forgets the pulls counted; `nil` is without limit.
    public func setAllowance(_ allowance: HubAllowance?) { router.allowance.reset(allowance) }

    /// Manifest GETs counted against an account's limit; `nil` is everybody without one.
    public func pullsUsed(by account: String? = nil) -> Int { router.allowance.used(by: account) }
}

/// The machine's time in seconds since 1970.
func systemSeconds() -> Int64 { Int64(time(nil)) }
