internal import ArgumentParser
internal import OCI

/// `layerctl status`: how the daemon is.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show how layerd is: its store, transfers, registries and mirror.")

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("table, or json (one object).", valueName: "format"))
    var format: ReportFormat = .table

    func run() async throws {
        let status = try await global.client().get("/layerd/v1/status")
        standardOutput.write(format == .json ? status.line : Self.text(status))
    }

    static func text(_ status: JSON) -> String {
        let (catalogue, store) = (status["catalogue"], status["store"])
        func number(_ json: JSON?, _ key: String) -> Int64 { json?[key]?.integer ?? 0 }
        func part(_ name: String) -> String { HumanText.size(number(store?[name], "physical")) }
        let up = HumanText.duration(seconds: Double(status["uptimeSeconds"]?.integer ?? 0)).lowercased()
        var text = """
            layerd \(status["version"]?.string ?? "?"), up \(up)
            Images: \(number(catalogue, "images")), names: \(number(catalogue, "references")), \
            blobs: \(number(catalogue, "blobs")) (\(HumanText.size(number(catalogue, "layersSize"))))
            On disk: blobs \(part("blobs")), transfers \(part("ingest")), quarantine \(part("quarantine"))

            """
        text += pulls(status["pulls"]) + mirror(status["mirror"])
        return text + transfers(store?["transfers"]?.array ?? []) + registries(status["registries"]?.array ?? [])
    }

    private static func pulls(_ pulls: JSON?) -> String {
        let counts = (pulls?.members ?? []).map { "\($0.key) \($0.value.integer ?? 0)" }
        return counts.isEmpty ? "" : "Pulls: \(counts.joined(separator: ", "))\n"
    }

    private static func mirror(_ mirror: JSON?) -> String {
        let counts = (mirror?["requests"]?.members ?? []).map { "\($0.key) \($0.value.integer ?? 0)" }
        guard !counts.isEmpty else { return "" }
        return "Mirror: \(counts.joined(separator: ", ")); "
            + "\(HumanText.size(mirror?["bytes"]?.integer ?? 0)) served\n"
    }

    private static func transfers(_ transfers: [JSON]) -> String {
        guard !transfers.isEmpty else { return "" }
        var table = TextTable(["TRANSFER", "RECEIVED", "SIZE", "STATE"])
        for transfer in transfers {
            table.add([
                HumanText.shortID(transfer["digest"]?.string ?? ""),
                HumanText.size(transfer["received"]?.integer ?? 0), HumanText.size(transfer["size"]?.integer ?? 0),
                transfer["active"]?.bool == true ? "active" : "interrupted",
            ])
        }
        return "\n" + table.text
    }

    private static func registries(_ registries: [JSON]) -> String {
        guard !registries.isEmpty else { return "" }
        var table = TextTable(["REGISTRY", "HEALTH", "PULLS LEFT", "LAST ERROR"])
        for registry in registries {
            let rate = registry["rateLimit"]
            var left = "-"
            if let remaining = rate?["remaining"]?.integer {
                left = rate?["limit"]?.integer.map { "\(remaining)/\($0)" } ?? "\(remaining)"
            }
            table.add([
                registry["name"]?.string ?? "",
                registry["healthy"]?.bool == false ? Style.bad("spared") : Style.good("ok"), left,
                registry["lastError"]?.string ?? "",
            ])
        }
        return "\n" + table.text
    }
}
