internal import Coordination
internal import Keyring
internal import OCI

/// The credentials that are kept on this machine, for those who bring none. They are looked for in this order: what the
/// The credentials kept on this machine, for those who bring none. They are looked for in this order: what the
/// registry's section of the configuration names (a password file, a credential helper), systemd's credentials,
/// docker's `config.json`.
///
/// Files are read again when they have changed, so that a password can be replaced without a word to anybody. What a
/// helper said holds for a while, and no longer than until a registry refuses it.
public final class CredentialStore: Sendable {
    /// What there is for a registry.
    struct Found: Sendable {
        var credential: Credential = .anonymous
        /// Why something that is kept cannot be used: told when nobody's access does not suffice.
        var trouble: String?
    }

    private struct Memory {
        var files: [String: (version: SecretFile.Version, found: Found)] = [:]
        var docker: (version: SecretFile.Version, config: Result<DockerConfig?, KeyringError>)?
        var helped: [HelperKey: (found: Found, end: Duration)] = [:]
        var reported: Set<String> = []
    }

    private struct HelperKey: Hashable {
        let helper: CredentialHelper
        let server: String
    }

    /// How long a helper's answer holds; the tokens it gives out live for hours.
    private static let helpedTime: Duration = .seconds(300)
    /// After a failure the next pull should not wait for the same one, nor for long.
    private static let failedTime: Duration = .seconds(20)

    private let systemdDirectory: String?
    private let dockerConfig: String?
    private let patience: Duration
    private let report: @Sendable (String) -> Void
    private let timeline: Timeline
    private let memory = Locked(Memory())
    private let flights = SingleFlight<HelperKey, Found>()

    /// Makes a store.
    /// - Parameters:
    ///   - systemdDirectory: `$CREDENTIALS_DIRECTORY`; a file in it is named as a registry, with `_` for the colon of a
    ///     port, and holds `USER:PASSWORD`.
    ///   - dockerConfig: path of docker's `config.json`.
    ///   - patience: how long a credential helper may take.
    ///   - report: told each trouble with a kept credential, once.
    public init(
        systemdDirectory: String? = nil, dockerConfig: String? = nil, patience: Duration = .seconds(15),
        clock: any Clock<Duration> = ContinuousClock(), report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.systemdDirectory = systemdDirectory
        self.dockerConfig = dockerConfig
        self.patience = patience
        self.report = report
        timeline = Timeline(clock)
    }

    /// What is kept for `registry`, which `host` describes.
    func find(for registry: String, _ kept: RegistryHost.Kept?) async -> Found {
        let found = await look(for: registry, kept)
        if let trouble = found.trouble, memory.withLock({ $0.reported.insert(trouble).inserted }) { report(trouble) }
        return found
    }

    /// Forgets what helpers said of `registry`, which refused it.
    func refused(_ registry: String) {
        let server = LoginServer.key(of: registry)
        memory.withLock { memory in memory.helped = memory.helped.filter { $0.key.server != server } }
    }

    private func look(for registry: String, _ kept: RegistryHost.Kept?) async -> Found {
        switch kept {
        case .passwordFile(let username, let path):
            return file(path) { .basic(username: username, password: $0) }
                ?? Found(trouble: "\(path), the password file of \(registry), is not there")
        case .helper(let suffix):
            do { return await ask(try CredentialHelper(suffix), registry) } catch { return Found(trouble: "\(error)") }
        case nil: break
        }
        if let found = systemd(registry) { return found }
        return await docker(registry)
    }

    private func systemd(_ registry: String) -> Found? {
        guard let systemdDirectory else { return nil }
        let path = "\(systemdDirectory)/\(String(registry.map { $0 == ":" ? "_" : $0 }))"
        return file(path) { Login(pair: $0).map(Credential.init) }
    }

    /// `nil` when there is no such file.
    private func file(_ path: String, _ read: (String) -> Credential?) -> Found? {
        let file = SecretFile(path)
        guard let version = file.version else { return nil }
        if let known = memory.withLock({ $0.files[path] }), known.version == version { return known.found }
        var found = Found()
        do {
            guard let line = try file.line() else { return nil }
            if let credential = read(line) {
                found.credential = credential
            } else {
                found.trouble = "\(path) must hold USER:PASSWORD in one line"
            }
        } catch { found.trouble = error.description }
        let answer = found
        memory.withLock { $0.files[path] = (version, answer) }
        return answer
    }

    private func docker(_ registry: String) async -> Found {
        guard let dockerConfig else { return Found() }
        do {
            guard let config = try configuration(dockerConfig).get() else { return Found() }
            switch try config.keeper(of: registry, path: dockerConfig) {
            case .nobody: return Found()
            case .file(let login): return Found(credential: Credential(login))
            case .helper(let helper): return await ask(helper, registry)
            }
        } catch { return Found(trouble: "\(error)") }
    }

    private func configuration(_ path: String) -> Result<DockerConfig?, KeyringError> {
        let file = SecretFile(path)
        guard let version = file.version else { return .success(nil) }
        if let known = memory.withLock({ $0.docker }), known.version == version { return known.config }
        let config: Result<DockerConfig?, KeyringError>
        do { config = .success(try DockerConfig.load(file)) } catch { config = .failure(error) }
        memory.withLock { $0.docker = (version, config) }
        return config
    }

    /// However many pulls begin at a time, a helper is asked once.
    private func ask(_ helper: CredentialHelper, _ registry: String) async -> Found {
        let key = HelperKey(helper: helper, server: LoginServer.key(of: registry))
        let now = timeline.elapsed()
        if let known = memory.withLock({ $0.helped[key] }), now < known.end { return known.found }
        do {
            return try await flights.run(key) { [self] in
                var found = Found()
                do {
                    found.credential =
                        try await helper.get(key.server, patience: patience).map(Credential.init) ?? .anonymous
                } catch { found.trouble = "\(error)" }
                let answer = found
                let end = timeline.elapsed() + (found.trouble == nil ? Self.helpedTime : Self.failedTime)
                memory.withLock { $0.helped[key] = (answer, end) }
                return answer
            }
        } catch {
            // Cancelled: whoever asked has left, and what comes next will say so.
            return Found()
        }
    }
}

extension Credential {
    /// What is kept, as it is shown.
    init(_ login: Login) {
        switch login {
        case .password(let username, let password): self = .basic(username: username, password: password)
        case .identityToken(let token, _): self = .identityToken(token)
        case .registryToken(let token): self = .registryToken(token)
        }
    }
}
