internal import NIOCore
internal import NIOSSL

extension TLSIdentity {
    /// What connections are encrypted with.
    /// - Throws: ``ServingError/unusableIdentity(certificate:reason:)``.
    func context() throws(ServingError) -> NIOSSLContext {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificate).map { NIOSSLCertificateSource.certificate($0) }
            var settings = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain, privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
            settings.minimumTLSVersion = .tlsv12
            settings.applicationProtocols = ["http/1.1"]
            if let clientAuthorities {
                // Names of clients mean nothing; that one of these authorities vouches for them does.
                settings.certificateVerification = .noHostnameVerification
                settings.trustRoots = .file(clientAuthorities)
            }
            return try NIOSSLContext(configuration: settings)
        } catch {
            throw .unusableIdentity(certificate: certificate, reason: "\(error)")
        }
    }
}

extension Listener {
    /// What its connections are encrypted with; `nil` for those in the clear.
    func context() throws(ServingError) -> NIOSSLContext? {
        guard case .tcp(_, _, let identity?) = self else { return nil }
        return try identity.context()
    }
}

extension ChannelPipeline.SynchronousOperations {
    /// Puts a server's side of TLS before everything else.
    func encrypt(with context: NIOSSLContext?) throws {
        guard let context else { return }
        try addHandler(NIOSSLServerHandler(context: context))
    }
}
