internal import FoundationEssentials
internal import Keyring
internal import OCI
internal import Registry
internal import Transport

extension Configuration {
    /// Reads `[registry."NAME"]`; `nil` when something is wrong, which the reader then holds.
    func readRegistry(_ name: String, _ reader: inout ConfigurationReader) -> RegistryHost? {
        guard (try? Repository(parsing: name + "/x/y"))?.domain == name else {
            reader.reportTable("is not a registry's host name, such as \"docker.io\" or \"registry.example.com:5000\"")
            return nil
        }
        var host = RegistryHost(name: name)
        reader.bool("insecure", into: &host.insecure)
        host.options.insecure = host.insecure
        reader.string("endpoint", into: &host.endpoint, check: Self.checkURL)
        reader.strings("mirrors", into: &host.mirrors)
        for mirror in host.mirrors {
            if let reason = Self.checkURL(mirror) { reader.report("mirrors", "\"\(mirror)\" \(reason)") }
        }
        reader.string("ca", into: &host.options.caFile, check: Self.checkFile)
        reader.string("client-cert", into: &host.options.clientCertificate, check: Self.checkFile)
        reader.string("client-key", into: &host.options.clientKey, check: Self.checkFile)
        if (host.options.clientCertificate == nil) != (host.options.clientKey == nil) {
            reader.report("client-cert", "goes with client-key: give both or neither")
        }
        reader.string("proxy", into: &host.options.proxy) {
            let schemes = ["http://", "https://", "socks5://", "socks5h://"]
            return schemes.contains(where: $0.hasPrefix)
                ? nil : "must begin with http://, https://, socks5:// or socks5h://"
        }
        reader.count("reserve", in: 0...1_000_000, into: &host.reserve)
        reader.strings("token-realms", into: &host.tokenRealms)
        for realm in host.tokenRealms {
            if let reason = Self.checkURL(realm) { reader.report("token-realms", "\"\(realm)\" \(reason)") }
        }
        readCredential(&host, &reader)
        return reader.errors.isEmpty ? host : nil
    }

    private func readCredential(_ host: inout RegistryHost, _ reader: inout ConfigurationReader) {
        var username: String?
        var passwordFile: String?
        var helper: String?
        reader.string("username", into: &username) { $0.isEmpty ? "must not be empty" : nil }
        reader.string("password-file", into: &passwordFile, check: Self.checkPasswordFile)
        reader.string("credential-helper", into: &helper) { suffix in
            do { _ = try CredentialHelper(suffix) } catch {
                return "must be what follows docker-credential- in the program's name: letters, digits, . _ -"
            }
            return nil
        }
        switch (username, passwordFile) {
        case (nil, nil): host.kept = helper.map { .helper($0) }
        case (let username?, let file?): host.kept = .passwordFile(username: username, path: file)
        case (nil, _): reader.report("password-file", "goes with username: give both or neither")
        case (_, nil): reader.report("username", "goes with password-file: give both or neither")
        }
        if helper != nil, username != nil || passwordFile != nil {
            reader.report("credential-helper", "is one way and username with password-file another: give one of them")
        }
    }

    /// The file is read again for each pull that needs it; here it must be readable once.
    private static func checkPasswordFile(_ path: String) -> String? {
        do {
            return try SecretFile(path).line() == nil ? "names \(path), which is not there" : nil
        } catch {
            return "must hold the password alone: \(error)"
        }
    }

    private static func checkURL(_ text: String) -> String? {
        guard text.hasPrefix("https://") || text.hasPrefix("http://") else {
            return "must begin with https:// or http://"
        }
        guard let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty else {
            return "is not a URL with a host"
        }
        guard parts.user == nil, parts.password == nil else {
            return "must not hold credentials; use username and password-file"
        }
        return parts.query == nil && parts.fragment == nil ? nil : "must not have a query or fragment"
    }

    static func checkFile(_ path: String) -> String? {
        FileManager.default.isReadableFile(atPath: path) ? nil : "names \(path), which is not a readable file"
    }
}
