/// Debian's `docker-registry` (distribution 2.8) on a free port of 127.0.0.1, with an empty storage of its own.
public final class DockerRegistry: Sendable {
    /// Where the executable is; `nil` when it is not installed, and tests of it have to be skipped.
    public static let executable = which("docker-registry")

    /// `127.0.0.1:PORT`
    public let host: String
    /// The URL without a slash at the end.
    public let endpoint: String
    private let process: RunningProcess
    private let directory: TemporaryDirectory

    /// Starts a registry and waits until it listens.
    /// - Parameter authority: signs a certificate for TLS; `nil` is plain HTTP.
    /// - Throws: ``StandInError``.
    public static func start(authority: CertificateAuthority? = nil) async throws -> DockerRegistry {
        let directory = try TemporaryDirectory("layerd-registry")
        var settings = """
            version: 0.1
            log: {level: info, formatter: text, accesslog: {disabled: true}}
            storage: {filesystem: {rootdirectory: \(directory.path("data"))}, delete: {enabled: true}}
            http:
              addr: 127.0.0.1:0

            """
        if let authority {
            let identity = try await authority.server(["localhost", "127.0.0.1"], file: "docker-registry")
            settings += "  tls: {certificate: \(identity.certificate), key: \(identity.key)}\n"
        }
        try Files.write(settings, to: directory.path("config.yml"))
        let process = try RunningProcess(executable ?? "docker-registry", ["serve", directory.path("config.yml")])
        // Port 0 lets the kernel choose; the registry says what it got when the socket is bound.
        let port = try await process.wait(for: "the registry's port") { Self.port(in: $0.errorText + $0.outputText) }
        return DockerRegistry(port: port, scheme: authority == nil ? "http" : "https", process, directory)
    }

    private init(port: Int, scheme: String, _ process: RunningProcess, _ directory: TemporaryDirectory) {
        host = "127.0.0.1:\(port)"
        endpoint = "\(scheme)://127.0.0.1:\(port)"
        self.process = process
        self.directory = directory
    }

    /// Stops the registry and removes its storage.
    public func stop() async throws {
        try await process.stop()
        directory.remove()
    }

    private static func port(in text: String) -> Int? {
        let mark = "listening on 127.0.0.1:"
        guard let line = text.split(separator: "\n").first(where: { $0.contains(mark) }) else { return nil }
        let tail = line.split(separator: mark, maxSplits: 1).last ?? ""
        return Int(tail.prefix { $0.isNumber })
    }
}
