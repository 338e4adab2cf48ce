internal import ArgumentParser
internal import Glibc
internal import Keyring
internal import OCI

/// `layerctl login`: what `docker login` does. layerd asks the registry and keeps nothing; the login goes where docker
/// keeps its own, so that both find it.
struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Check a login at a registry, and keep it where docker keeps its own.",
        discussion: """
            The login is checked by layerd, which keeps nothing of it, and is then stored in docker's config.json or \
            with its credential helper. docker, layerctl and SDKs send it along with each pull.
            """)

    @OptionGroup var global: GlobalOptions

    @Option(name: [.short, .long], help: "User name; asked for on a terminal when it is missing.")
    var username: String?

    @Flag(help: "Take the password from standard input.")
    var passwordStdin = false

    @Argument(help: "The registry's host. (default: Docker Hub)")
    var registry: String?

    func validate() throws {
        if passwordStdin, username?.isEmpty ?? true {
            throw ValidationError("--password-stdin needs --username: standard input holds the password alone")
        }
    }

    func run() async throws {
        let server = LoginServer.key(of: LoginServer.registry(of: registry ?? ""))
        let (username, password) = try credentials(server)
        let answer = try await global.client().post(
            DaemonClient.engineVersion + "/auth",
            body: [
                "username": .string(username), "password": .string(password), "serveraddress": .string(server),
            ])
        let token = answer["IdentityToken"]?.string ?? ""
        let login: Login =
            token.isEmpty
            ? .password(username: username, password: password) : .identityToken(token, username: username)
        try await DockerLogin.keep(login, for: server)
        standardOutput.write((answer["Status"]?.string ?? "Login Succeeded") + "\n")
    }

    private func credentials(_ server: String) throws -> (username: String, password: String) {
        if passwordStdin { return (username ?? "", try Self.trimmed(Self.standardInput())) }
        guard isatty(STDIN_FILENO) == 1 else {
            throw Failure.local("Error: Cannot perform an interactive login from a non TTY device")
        }
        let name = try username ?? Self.asked("Username: ", hidden: false)
        guard !name.isEmpty else { throw Failure.local("Error: username is required") }
        let password = try Self.asked("Password: ", hidden: true)
        guard !password.isEmpty else { throw Failure.local("Error: password is required") }
        return (name, password)
    }

    /// All of standard input; a password longer than that is a file given by mistake.
    private static func standardInput() throws -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= SecretFile.lineLimit {
            let count = read(STDIN_FILENO, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        guard bytes.count <= SecretFile.lineLimit, let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure.local("Error: standard input holds no password: it is binary or longer than 64 KiB")
        }
        return text
    }

    private static func trimmed(_ text: String) throws -> String {
        // `echo` ends it with a newline that is no part of it.
        var text = text
        while text.last?.isNewline == true { text.removeLast() }
        guard !text.isEmpty else { throw Failure.local("Error: standard input holds no password") }
        return text
    }

    /// A line typed on the terminal, with the echo off for a password.
    private static func asked(_ prompt: String, hidden: Bool) throws -> String {
        standardError.write(prompt)
        var saved = termios()
        let isSaved = hidden && tcgetattr(STDIN_FILENO, &saved) == 0
        if isSaved {
            var quiet = saved
            quiet.c_lflag &= ~tcflag_t(ECHO)
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet)
        }
        defer {
            if isSaved {
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved)
                standardError.write("\n")
            }
        }
        return readLine() ?? ""
    }
}
