internal import ArgumentParser
internal import OCI

/// `layerctl version`: the versions of this command and of the daemon.
struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Show the versions of layerctl and of the daemon.")

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("table, or json (one object).", valueName: "format"))
    var format: ReportFormat = .table

    func run() async throws {
        let client = try global.client()
        let (status, engine) = (try await client.get("/layerd/v1/status"), try await client.get("/version"))
        standardOutput.write(text(status, engine))
    }

    func text(_ status: JSON, _ engine: JSON) -> String {
        let version = status["version"]?.string ?? "?"
        let api = engine["ApiVersion"]?.string ?? "?"
        guard format == .table else {
            let report: JSON = [
                "client": ["version": .string(Self.version), "apiVersion": .string(Self.apiVersion)],
                "server": [
                    "version": .string(version), "apiVersion": .string(api),
                    "minApiVersion": engine["MinAPIVersion"] ?? .null,
                ],
            ]
            return report.line
        }
        return """
            Client:
             Version:      \(Self.version)
             API version:  \(Self.apiVersion)

            Server:
             Version:      \(version)
             API version:  \(api) (minimum version \(engine["MinAPIVersion"]?.string ?? "?"))

            """
    }

    /// layerctl's own; a test holds it to the daemon's.
    static let version = "0.1.0"
    private static let apiVersion = String(DaemonClient.engineVersion.dropFirst(2))
}
