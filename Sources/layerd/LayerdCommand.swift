internal import ArgumentParser
internal import Daemon
internal import Glibc
internal import Logging

/// `layerd`: reads its command line and runs the daemon.
@main struct LayerdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "layerd",
        abstract: "The layer cache of this machine: pulls container images once, keeps each layer once.",
        discussion: """
            Runs in the foreground and serves the control socket until SIGTERM or Ctrl-C. Point docker at it with \
            docker -H unix:///run/layerd/layerd.sock, or use layerctl.
            """,
        version: Version.current)

    /// Where the configuration is looked for when nobody names one.
    static let defaultConfiguration = "/etc/layerd/layerd.toml"

    @Option(help: ArgumentHelp("Configuration file. (default: \(defaultConfiguration), if there)", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp("Where images are kept. (default: $STATE_DIRECTORY or /var/lib/layerd)", valueName: "dir"))
    var stateDir: String?

    @Option(help: ArgumentHelp("Control socket, instead of the configured one.", valueName: "path"))
    var socket: String?

    @Option(
        help: "Form of the log on stderr, instead of the configured one: text or json.",
        transform: { text in
            guard let format = StderrLog.Format(rawValue: text) else { throw ValidationError("must be text or json") }
            return format
        })
    var logFormat: StderrLog.Format?

    @Option(
        help: """
            Least level logged, instead of the configured one: trace, debug, info, notice, warning, error or critical.
            """,
        transform: { text in
            guard let level = Logger.Level(rawValue: text) else {
                throw ValidationError("must be one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return level
        })
    var logLevel: Logger.Level?

    @Flag(help: "Check the configuration, print what is wrong with file and line, and exit with 1 if anything is.")
    var checkConfig = false

    @Flag(
        help: "Rebuild the catalogue from index.json and the blobs, and end. A lost or damaged one is rebuilt anyway.")
    var rebuildCatalog = false

    func run() async throws {
        let configuration: Configuration
        do {
            configuration = try read()
        } catch let errors as ConfigurationErrors {
            complain("\(errors)")
            throw ExitCode(1)
        }
        if checkConfig { return print("configuration is valid") }
        let level = LogLevel(configuration.log.level)
        LoggingSystem.bootstrap { _ in StderrLog(format: configuration.log.format, level: level) }
        do {
            let daemon = LayerdDaemon(
                configuration: configuration, stateDirectory: stateDirectory(), logger: Logger(label: "layerd"),
                log: level, reload: { try read() })
            try await rebuildCatalog ? daemon.rebuildCatalogue() : daemon.run()
        } catch {
            complain("layerd: \(error)")
            throw ExitCode(1)
        }
    }

    /// The configuration's file, and what the command line says instead.
    private func read() throws -> Configuration {
        var configuration = try Configuration.load(
            file: config ?? Self.defaultConfiguration, mustExist: config != nil)
        if let socket { configuration.control.socket = socket }
        if let logFormat { configuration.log.format = logFormat }
        if let logLevel { configuration.log.level = logLevel }
        return configuration
    }

    /// systemd names the unit's directory; several are separated by colons, and the first is meant.
    private func stateDirectory() -> String {
        if let stateDir { return stateDir }
        guard let given = getenv("STATE_DIRECTORY") else { return "/var/lib/layerd" }
        return String(String(cString: given).prefix { $0 != ":" })
    }

    private func complain(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
