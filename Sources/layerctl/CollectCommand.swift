internal import ArgumentParser
internal import OCI

/// `layerctl gc`: takes away blobs that no image uses and transfers that nobody resumed.
struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Remove blobs that no image uses, and old interrupted transfers.")

    @OptionGroup var global: GlobalOptions

    @Flag(help: "Remove nothing; tell what would go.")
    var dryRun = false

    @Option(help: ArgumentHelp("Spare what is younger than so many seconds. (default: 3600)", valueName: "seconds"))
    var grace: UInt32?

    @Option(help: ArgumentHelp("table, or json (one object).", valueName: "format"))
    var format: ReportFormat = .table

    func run() async throws {
        var query: [(String, String)] = dryRun ? [("dry_run", "1")] : []
        if let grace { query.append(("grace", "\(grace)")) }
        let report = try await global.client().post("/layerd/v1/gc", query: query)
        standardOutput.write(format == .json ? report.line : text(report))
    }

    func text(_ report: JSON) -> String {
        func number(_ key: String) -> Int64 { report[key]?.integer ?? 0 }
        let verb = dryRun ? "Would remove" : "Removed"
        return """
            \(verb) \(number("blobs")) blobs (\(HumanText.size(number("blobBytes")))) and \
            \(number("ingests")) interrupted transfers (\(HumanText.size(number("ingestBytes"))))
            Left for now: \(number("left")) blobs that are young or in use
            Total: \(HumanText.size(number("bytes"))) (\(number("bytes")) bytes)

            """
    }
}
