internal import ArgumentParser
internal import OCI

/// `layerctl history`: what `docker image history` prints.
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show how an image was made, newest step first, with the bytes of its layers."
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Name, digest or ID.")
    var image: String

    @Flag(help: "Do not cut commands and IDs.")
    var noTrunc = false

    @Flag(name: [.short, .long], help: "Print IDs alone.")
    var quiet = false

    @Flag(inversion: .prefixedNo, help: "Sizes and dates for people.")
    var human = true

    @Option(help: OutputFormat.help)
    var format: OutputFormat = .table

    func run() async throws {
        let path = DaemonClient.engineVersion + "/images/\(InspectCommand.path(image))/history"
        let steps = try await global.client().get(path).array ?? []
        standardOutput.write(try text(steps, now: HumanText.now()))
    }

    func text(_ steps: [JSON], now: Int64) throws -> String {
        let rows = steps.map { fields($0, now: now) }
        func cells(_ names: [String]) -> [[String]] {
            rows.map { row in names.map { name in HumanText.printable(row.first { $0.0 == name }?.1 ?? "") } }
        }
        if quiet { return cells(["ID"]).map { $0[0] + "\n" }.joined() }
        guard case .table = format else {
            return try format.lines(rows, fields: Self.fieldNames)
        }
        var table = TextTable(["IMAGE", human ? "CREATED" : "CREATED AT", "CREATED BY", "SIZE", "COMMENT"])
        for row in cells(["ID", human ? "CreatedSince" : "CreatedAt", "CreatedBy", "Size", "Comment"]) {
            table.add(row)
        }
        return table.text
    }

    static let fieldNames = ["Comment", "CreatedAt", "CreatedBy", "CreatedSince", "ID", "Size"]
    /// Docker shows 45 columns of a command.
    private static let commandColumns = 45
    /// 2000-01-01: what claims to be older was made by a tool that keeps no dates.
    private static let oldest: Int64 = 946_684_800

    private func fields(_ step: JSON, now: Int64) -> [(String, String)] {
        let created = step["Created"]?.integer ?? 0
        let id = step["Id"]?.string ?? ""
        let size = step["Size"]?.integer ?? 0
        let command = (step["CreatedBy"]?.string ?? "").replacing("\t", with: " ")
        return [
            ("Comment", step["Comment"]?.string ?? ""),
            ("CreatedAt", HumanText.timestamp(created)),
            ("CreatedBy", noTrunc ? command : HumanText.cut(command, columns: Self.commandColumns)),
            ("CreatedSince", created <= Self.oldest ? "N/A" : HumanText.ago(created, now: now)),
            ("ID", noTrunc ? id : HumanText.shortID(id)),
            ("Size", human ? HumanText.size(size, digits: 3) : "\(size)"),
        ]
    }
}
