/// A certification authority for one test, made with the `openssl` command: P-256 keys, valid for a month.
public struct CertificateAuthority: Sendable {
    /// A certificate and its key, as paths of PEM files.
    public struct Identity: Sendable {
        public var certificate: String
        public var key: String
    }

    /// Path of the CA's certificate, in PEM: what clients trust.
    public let caFile: String
    private let directory: String
    private let owner: TemporaryDirectory?

    /// Makes a CA in `directory`, or in a temporary directory that lives as long as this value.
    /// - Throws: ``StandInError``, also when `openssl` is not installed.
    public init(directory: String? = nil) async throws {
        let owner = try directory == nil ? TemporaryDirectory("layerd-ca") : nil
        let path = directory ?? owner?.path ?? ""
        try Files.makeDirectory(path)
        self.owner = owner
        self.directory = path
        caFile = "\(path)/ca.pem"
        let extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
        try await Self.request("ca", "layerd stand-in CA", in: path, extensions: extensions, signed: [])
    }

    /// Makes a server's certificate for these names; those that look like an IPv4 address become one.
    /// - Throws: ``StandInError``.
    public func server(_ names: [String], file: String = "server") async throws -> Identity {
        let alternatives = names.map { name in
            name.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (48...57).contains($0) } ? "IP:\(name)" : "DNS:\(name)"
        }
        let extensions = [
            "subjectAltName=" + alternatives.joined(separator: ","), "basicConstraints=CA:FALSE",
            "extendedKeyUsage=serverAuth",
        ]
        return try await leaf(file, extensions)
    }

    /// Makes a client's certificate.
    /// - Throws: ``StandInError``.
    public func client(_ name: String = "client") async throws -> Identity {
        try await leaf(name, ["basicConstraints=CA:FALSE", "extendedKeyUsage=clientAuth"])
    }

    private func leaf(_ file: String, _ extensions: [String]) async throws -> Identity {
        let signed = ["-CA", caFile, "-CAkey", "\(directory)/ca.key"]
        try await Self.request(file, file, in: directory, extensions: extensions, signed: signed)
        return Identity(certificate: "\(directory)/\(file).pem", key: "\(directory)/\(file).key")
    }

    private static func request(
        _ file: String, _ subject: String, in directory: String, extensions: [String], signed: [String]
    ) async throws {
        // A configuration of our own: the machine's may add extensions that contradict these.
        let settings = "\(directory)/openssl.cnf"
        try Files.write("[req]\ndistinguished_name=name\n[name]\n", to: settings)
        var arguments = ["req", "-config", settings, "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        arguments += ["-nodes", "-days", "30", "-subj", "/CN=\(subject)"]
        arguments += ["-keyout", "\(directory)/\(file).key", "-out", "\(directory)/\(file).pem"]
        arguments += extensions.flatMap { ["-addext", $0] } + signed
        try await runChecked("openssl", arguments)
    }
}
