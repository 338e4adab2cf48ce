internal import OCI

/// A program that keeps logins for docker: `docker-credential-SUFFIX`, found on `PATH`.
///
/// Source: docker/docker-credential-helpers, README and `client/client.go`.
public struct CredentialHelper: Sendable, Hashable {
    /// How long a helper may take: one that asks a cloud needs a second or two; one that waits for a person who is not
    /// there must not hold up a pull.
    public static let patience: Duration = .seconds(15)
    /// A login's JSON; tokens of clouds have some KiB.
    private static let maximumAnswer = 256 << 10

    /// The program's name.
    public let program: String

    /// - Throws: ``KeyringError/helper(_:reason:)`` unless the suffix is of letters, digits, `.`, `_` and `-`: it goes
    ///   into the name of a program.
    public init(_ suffix: String) throws(KeyringError) {
        let isWord = suffix.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isWord, 1...64 ~= suffix.utf8.count else {
            throw .helper("docker-credential-…", reason: "cannot be called: its name may hold letters, digits, . _ -")
        }
        program = "docker-credential-" + suffix
    }

    /// The program at a path.
    init(program: String) { self.program = program }

    /// The login for `server`, which is a key as ``LoginServer/key(of:)`` gives it; `nil` when the helper has none.
    /// - Throws: ``KeyringError/helper(_:reason:)``, also when it takes longer than `patience`: it is killed then, with
    ///   all that it started.
    public func get(_ server: String, patience: Duration = patience) async throws(KeyringError) -> Login? {
        let end = try await call("get", Array(server.utf8), patience)
        guard end.status == 0 else {
            // What it prints then is a sentence, of which one is agreed upon; others could quote what they should not.
            if Self.saysNone(end.output) { return nil }
            throw failure("failed with status \(end.status); try: echo \(server) | \(program) get")
        }
        let json: JSON
        do { json = try JSON(parsing: end.output) } catch { throw failure("gave an answer that is no JSON") }
        guard let username = json["Username"]?.string, let secret = json["Secret"]?.string else {
            throw failure("gave an answer without Username and Secret")
        }
        return username.isEmpty && secret.isEmpty ? nil : Login(username: username, secret: secret)
    }

    /// Hands `login` over for keeping.
    /// - Throws: ``KeyringError/helper(_:reason:)``, also for a registry token, which no helper keeps.
    public func store(_ login: Login, for server: String) async throws(KeyringError) {
        let (username, secret): (String, String)
        switch login {
        case .password(let name, let password): (username, secret) = (name, password)
        case .identityToken(let token, _): (username, secret) = (Login.tokenUser, token)
        case .registryToken: throw failure("cannot keep a registry token")
        }
        let members = [("ServerURL", server), ("Username", username), ("Secret", secret)]
        let input = JSON.object(members.map { JSON.Member($0.0, .string($0.1)) }).serialized()
        let end = try await call("store", input, Self.patience)
        guard end.status == 0 else { throw failure("could not keep the login: it failed with status \(end.status)") }
    }

    private func call(
        _ verb: String, _ input: [UInt8], _ patience: Duration
    ) async throws(KeyringError) -> HelperProcess.End {
        let process = HelperProcess(program: program, arguments: [verb], input: input)
        switch await process.run(patience: patience, limit: Self.maximumAnswer) {
        case .ended(let end): return end
        case .absent: throw failure("is not on the PATH, but docker's configuration names it")
        case .tooSlow: throw failure("gave no answer within \(patience.components.seconds) s and was ended")
        case .tooMuch: throw failure("gave an answer of more than \(Self.maximumAnswer >> 10) KiB and was ended")
        case .broken(let reason): throw failure("cannot be started: \(reason)")
        }
    }

    private static func saysNone(_ output: [UInt8]) -> Bool {
        String(decoding: output, as: UTF8.self).contains("credentials not found in native keychain")
    }

    private func failure(_ reason: String) -> KeyringError { .helper(program, reason: reason) }
}
