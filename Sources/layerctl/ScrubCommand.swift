internal import ArgumentParser
internal import OCI

/// `layerctl scrub`: has every blob read from the disk and compared with its name.
struct ScrubCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrub", abstract: "Read every layer from the disk again, and mend what is damaged.",
        discussion: "Ends with 1 when something is damaged that could not be mended.")

    @OptionGroup var global: GlobalOptions

    @Flag(help: "Move and fetch nothing; tell what is damaged.")
    var dryRun = false

    @Option(help: ArgumentHelp("table, or json (one object).", valueName: "format"))
    var format: ReportFormat = .table

    func run() async throws {
        let report = try await global.client().post("/layerd/v1/scrub", query: dryRun ? [("dry_run", "1")] : [])
        standardOutput.write(format == .json ? report.line : text(report))
        let left = report["damaged"]?.array?.count { $0["action"]?.string != "healed" } ?? 0
        guard left == 0 else { throw Failure.refused("\(left) damaged blobs are not mended: pull their images again") }
    }

    func text(_ report: JSON) -> String {
        let damaged = report["damaged"]?.array ?? []
        let lines = damaged.map { damage in
            let action = damage["action"]?.string ?? "", error = damage["error"]?.string.map { ": \($0)" } ?? ""
            return "\(damage["digest"]?.string ?? "")  \(action == "none" ? "damaged" : action)"
                + "  \(damage["reason"]?.string ?? "")\(error)\n"
        }
        return lines.joined()
            + "Read \(report["blobs"]?.integer ?? 0) blobs (\(HumanText.size(report["bytes"]?.integer ?? 0))): "
            + (damaged.isEmpty ? "all intact\n" : "\(damaged.count) damaged\n")
    }
}
