internal import Keyring

/// What `docker login` or `layerctl login` has left with docker, for the requests of other verbs.
enum DockerLogin {
    /// The value of `X-Registry-Auth` for a registry; `nil` where nothing is kept for it. Trouble with what is kept is
    /// told, and is no reason not to try: images may be public.
    static func header(for registry: String) async -> String? {
        guard let path = DockerConfig.standardPath else { return nil }
        do {
            guard let config = try DockerConfig.load(SecretFile(path, privacy: .unchecked)) else { return nil }
            let server = LoginServer.key(of: registry)
            let login: Login? =
                switch try config.keeper(of: registry, path: path) {
                case .nobody: nil
                case .file(let login): login
                case .helper(let helper): try await helper.get(server)
                }
            return login?.registryAuth(server: server)
        } catch {
            standardError.write("WARNING: \(error)\n")
            return nil
        }
    }

    /// Keeps a login as docker keeps it: with its helper, else in its file, which is told.
    /// - Throws: ``Failure``.
    static func keep(_ login: Login, for server: String) async throws {
        guard let path = DockerConfig.standardPath else {
            throw Failure.local("there is no home directory to keep the login in; set DOCKER_CONFIG")
        }
        do {
            let config: DockerConfig?
            do { config = try DockerConfig.load(SecretFile(path, privacy: .unchecked)) } catch {
                guard case .file(_, "is empty") = error else { throw error }
                config = nil
            }
            if let helper = try config?.helper(for: server) {
                try await helper.store(login, for: server)
                return try DockerConfig.store(nil, for: server, in: path)
            }
            try DockerConfig.store(login, for: server, in: path)
        } catch let error as KeyringError {
            throw Failure.local("the login is right but cannot be kept: \(error)")
        }
        standardError.write(
            """

            WARNING! Your credentials are stored unencrypted in '\(path)'.
            Configure a credential helper to remove this warning. See
            https://docs.docker.com/go/credential-store/


            """)
    }
}
