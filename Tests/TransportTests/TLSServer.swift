import Glibc
import TestSupport
import Transport

/// Certificates of a private authority and nginx serving them, HTTP/2 where asked, on ports of its own.
final class TLSServer: Sendable {
    /// What the tests need on this machine.
    static let tools = ["openssl", "nginx"]
    static var isPossible: Bool {
        let missing = tools.filter { which($0) == nil }
        if !missing.isEmpty { print("skipped: \(missing) not installed") }
        return missing.isEmpty
    }

    let directory: TemporaryDirectory
    let tlsPort: Int
    let plainPort: Int
    private let process: RunningProcess

    /// The length of `/big` in bytes.
    static let bigSize = 8 << 20

    init() async throws {
        directory = try TemporaryDirectory("layerd-tls")
        try await makeCertificates(in: directory)
        try Files.makeDirectory(directory.path("www"))
        let block = (0..<4099).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        var big: [UInt8] = []
        while big.count < Self.bigSize { big += block.prefix(Self.bigSize - big.count) }
        try Files.write(big, to: directory.path("www/big"))
        try Files.write("small\n", to: directory.path("www/small"))
        (tlsPort, plainPort) = try (freePort(), freePort())
        try Files.write(configuration(directory.path, tlsPort, plainPort), to: directory.path("nginx.conf"))
        process = try RunningProcess(
            "nginx", ["-p", directory.path, "-c", directory.path("nginx.conf"), "-e", "stderr"])
        // Said after the ports are open.
        _ = try await process.wait(for: "its event loop") { $0.errorText.contains("event method") ? true : nil }
    }

    func stop() async throws { _ = try await process.stop() }

    /// A request to a name of this server.
    func request(
        _ name: String, _ path: String, _ change: (inout ConnectionOptions) -> Void = { _ in }
    ) -> HTTPRequest {
        direct("https://\(name):\(tlsPort)\(path)") { options in
            options.resolve = ["\(name):\(tlsPort):127.0.0.1"]
            options.caFile = directory.path("ca.pem")
            change(&options)
        }
    }
}

/// A port nobody listens at now. nginx cannot say which one the kernel gave it.
private func freePort() throws -> Int {
    let server = try ScriptedServer { _ in [] }
    return server.port
}

private func makeCertificates(in directory: TemporaryDirectory) async throws {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    func path(_ name: String) -> String { directory.path(name) }
    let authority = ["req", "-x509", "-days", "2", "-subj", "/CN=test authority"]
    try await runChecked("openssl", authority + key + ["-keyout", path("ca.key"), "-out", path("ca.pem")])
    let leaves = [
        ("good", "DNS:registry.test,DNS:mutual.test,IP:127.0.0.1", "2"), ("expired", "DNS:expired.test", "-1"),
        ("other", "DNS:somebody-else.test", "2"), ("client", "DNS:client.test", "2"),
    ]
    for (name, names, days) in leaves {
        let request = ["req", "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(names)"]
        try await runChecked("openssl", request + key + ["-keyout", path("\(name).key"), "-out", path("csr")])
        let signing = ["x509", "-req", "-in", path("csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key")]
        let result = ["-days", days, "-copy_extensions", "copy", "-out", path("\(name).pem")]
        try await runChecked("openssl", signing + result)
    }
}

private func configuration(_ directory: String, _ tls: Int, _ plain: Int) -> String {
    func server(_ name: String, _ certificate: String, _ more: String = "") -> String {
        """
        server {
          listen 127.0.0.1:\(tls) ssl http2;
          server_name \(name);
          ssl_certificate \(directory)/\(certificate).pem;
          ssl_certificate_key \(directory)/\(certificate).key;
          add_header X-Connection $connection;
          root \(directory)/www;
          \(more)
        }

        """
    }
    return """
        daemon off; master_process off; pid \(directory)/pid; error_log stderr notice;
        events { worker_connections 256; }
        http {
          access_log off; client_body_temp_path \(directory)/t1; proxy_temp_path \(directory)/t2;
          fastcgi_temp_path \(directory)/t3; uwsgi_temp_path \(directory)/t4; scgi_temp_path \(directory)/t5;
          server { listen 127.0.0.1:\(plain); root \(directory)/www; }
          \(server("registry.test", "good"))
          \(server("expired.test", "expired"))
          \(server("wrong.test", "other"))
          \(server("mutual.test", "good", "ssl_client_certificate \(directory)/ca.pem; ssl_verify_client on;"))
        }

        """
}
