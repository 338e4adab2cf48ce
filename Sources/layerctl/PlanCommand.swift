internal import ArgumentParser
internal import OCI

/// `layerctl plan`: what pulls would fetch now, before they do.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what pulling images would fetch now, to the byte.",
        discussion: "Of several images, layers that they share count once.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Such as alpine, alpine:3.20 or ghcr.io/owner/name@sha256:…")
    var images: [String]

    @Option(help: ArgumentHelp("Instead of this machine's, such as linux/arm64.", valueName: "os/arch"))
    var platform: String?

    @Flag(name: [.short, .long], help: "Also every blob, with its state.")
    var verbose = false

    @Option(help: OutputFormat.reportHelp(fields: fieldNames))
    var format: OutputFormat = .table

    static let fieldNames = ["Image", "Digest", "Size", "Fetch", "Pulls", "Status"]

    func run() async throws {
        var query = images.map { ("image", $0) }
        if let platform { query.append(("platform", platform.lowercased())) }
        let report = try await global.client().get("/layerd/v1/plan", query: query)
        standardOutput.write(try text(report))
        let failures = (report["images"]?.array ?? []).compactMap { $0["error"]?.string }
        for failure in failures { standardError.write(Failure.refused(failure).description + "\n") }
        if !failures.isEmpty { throw ExitCode(1) }
    }

    func text(_ report: JSON) throws -> String {
        if case .json = format { return report.line }
        let rows = (report["images"]?.array ?? []).map(Self.fields)
        guard case .table = format else { return try format.lines(rows, fields: Self.fieldNames) }
        var table = TextTable(["IMAGE", "SIZE", "FETCH", "PULLS", "STATUS"])
        for row in rows {
            let cells = ["Image", "Size", "Fetch", "Pulls"].map { key in row.first { $0.0 == key }?.1 ?? "" }
            let status = row.last?.1 ?? ""
            table.add(cells + [status == "cannot be planned" ? Style.bad(status) : status])
        }
        return table.text + (verbose ? "\n" + blobs(report) : "") + "\n" + Self.total(report)
    }

    private static func fields(_ image: JSON) -> [(String, String)] {
        let name = image["image"]?.string ?? ""
        let familiar: String
        do { familiar = try Reference(parsing: name).familiar } catch { familiar = name }
        let failed = image["error"] != nil
        let fetch = image["bytesToFetch"]?.integer ?? 0
        let status =
            failed
            ? "cannot be planned" : image["upToDate"]?.bool == true ? "up to date" : fetch == 0 ? "here" : "to fetch"
        return [
            ("Image", familiar), ("Digest", image["digest"]?.string ?? ""),
            ("Size", failed ? "" : HumanText.size(image["size"]?.integer ?? 0)),
            ("Fetch", failed ? "" : HumanText.size(fetch)),
            ("Pulls", failed ? "" : "\(image["registryPulls"]?.integer ?? 0)"), ("Status", status),
        ]
    }

    private func blobs(_ report: JSON) -> String {
        var table = TextTable(["BLOB", "SIZE", "STATE"])
        for blob in report["blobs"]?.array ?? [] {
            let held = blob["held"]?.integer.map { " (\(HumanText.size($0)) held)" } ?? ""
            table.add([
                HumanText.shortID(blob["digest"]?.string ?? ""), HumanText.size(blob["size"]?.integer ?? 0),
                (blob["state"]?.string ?? "") + held,
            ])
        }
        return table.text
    }

    private static func total(_ report: JSON) -> String {
        let (fetch, present) = (report["bytesToFetch"]?.integer ?? 0, report["bytesPresent"]?.integer ?? 0)
        let pulls = report["registryPulls"]?.integer ?? 0
        return "Total to fetch: \(HumanText.size(fetch)) (\(fetch) bytes), \(HumanText.size(present)) already here; "
            + "\(pulls) registry pull\(pulls == 1 ? "" : "s")\n"
    }
}
