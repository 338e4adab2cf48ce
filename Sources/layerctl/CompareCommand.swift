internal import ArgumentParser
internal import OCI

/// `layerctl compare`: where two images part, layer by layer, and what that costs.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Show where the layers of two images part, and what who has the first fetches for the second.",
        discussion: "Images that are not here are looked up at their registries; only their documents are fetched.")

    enum Format: String, ExpressibleByArgument { case table, json }

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Such as app:1.0")
    var from: String

    @Argument(help: "Such as app:1.1, or one more tag of the same repository as :1.1")
    var to: String

    @Option(help: ArgumentHelp("Instead of this machine's, such as linux/arm64.", valueName: "os/arch"))
    var platform: String?

    @Option(help: "table or json.")
    var format: Format = .table

    @Flag(help: "Do not cut instructions.")
    var noTrunc = false

    func run() async throws {
        var query = [("from", from), ("to", try second())]
        if let platform { query.append(("platform", platform.lowercased())) }
        let report = try await global.client().get("/layerd/v1/compare", query: query)
        switch format {
        case .json: standardOutput.write(String(decoding: report.serialized(pretty: 2), as: UTF8.self) + "\n")
        case .table: standardOutput.write(Self.text(report, columns: noTrunc ? .max : 45))
        }
    }

    /// `:tag` stands for a tag of the first image's repository.
    private func second() throws -> String {
        guard to.hasPrefix(":") else { return to }
        do { return try Reference(parsing: from).repository.familiar + to } catch {
            throw ValidationError("\(from) has no repository that \(to) could be a tag of")
        }
    }

    static func text(_ report: JSON, columns: Int) -> String {
        var table = TextTable(["LAYER", "RELATION", "SIZE", "TO FETCH", "INSTRUCTION", "WHY"])
        for row in report["layers"]?.array ?? [] {
            let words = HumanText.printable(row["instruction"]?.string ?? "").split(whereSeparator: \.isWhitespace)
            let instruction = words.joined(separator: " ")
            table.add([
                "\(row["position"]?.integer ?? 0)", row["relation"]?.string ?? "",
                HumanText.size(row["size"]?.integer ?? 0), HumanText.size(row["fetched"]?.integer ?? 0),
                HumanText.cut(instruction, columns: columns), row["why"]?.string ?? "",
            ])
        }
        return table.text + summary(report)
    }

    private static func summary(_ report: JSON) -> String {
        func size(_ key: String) -> String { HumanText.size(report[key]?.integer ?? 0) }
        let total = report["to"]?["bytes"]?.integer ?? 0
        var lines = [
            "", "Common: \(report["commonLayers"]?.integer ?? 0) layers, \(size("commonBytes"))",
            "To fetch: \(size("bytesToFetch")) of \(HumanText.size(total))",
        ]
        if let difference = report["firstDifference"], difference != .null {
            let step = difference["step"]?.integer ?? 0
            lines.append("First difference: step \(step)")
            for (word, key) in [("from: ", "from"), ("to:   ", "to")] {
                lines.append("  " + word + HumanText.printable(difference[key]?.string ?? "(no such step)"))
            }
            if difference["sameInstruction"]?.bool == true {
                lines.append("  the same instruction, run again: its inputs or time stamps changed")
            }
        } else {
            lines.append("The same layers.")
        }
        if let advice = report["advice"]?.string { lines.append("Advice: \(advice)") }
        return lines.joined(separator: "\n") + "\n"
    }
}
