internal import ArgumentParser
internal import OCI

/// `layerctl events`: what `docker events` prints, as it happens.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show what happens to images, as it happens.")

    @OptionGroup var global: GlobalOptions

    @Option(
        help: ArgumentHelp("Begin with what happened since (a time, or a duration such as 10m).", valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("End at this time.", valueName: "time"))
    var until: String?

    @Option(name: [.short, .long], help: ArgumentHelp("Such as event=pull or image=alpine.", valueName: "key=value"))
    var filter: [String] = []

    @Option(help: ArgumentHelp("table (docker's text), or json (one object a line).", valueName: "format"))
    var format: ReportFormat = .table

    func run() async throws {
        var query: [(String, String)] = []
        if let since { query.append(("since", since)) }
        if let until { query.append(("until", until)) }
        if !filter.isEmpty { query.append(("filters", try ListCommand.encoded(filter))) }
        let format = self.format
        try await global.client().stream(DaemonClient.engineVersion + "/events", query: query) { event in
            standardOutput.write(format == .json ? event.line : Self.text(event))
        }
    }

    /// `2026-11-27T00:12:13.000000001Z image pull alpine:3.20 (name=alpine)`.
    static func text(_ event: JSON) -> String {
        let nanoseconds = event["timeNano"]?.integer ?? 0
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let clock = HumanText.timestamp(seconds)
        let cut = clock.index(clock.startIndex, offsetBy: min(19, clock.count))
        let digits = String(repeating: "0", count: 9 - "\(rest)".count) + "\(rest)"
        let attributes = (event["Actor"]?["Attributes"]?.members ?? []).sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value.string ?? "")" }.joined(separator: ", ")
        return "\(clock[..<cut]).\(digits)\(clock[cut...]) \(event["Type"]?.string ?? "") "
            + "\(event["Action"]?.string ?? "") \(event["Actor"]?["ID"]?.string ?? "")"
            + (attributes.isEmpty ? "" : " (\(attributes))") + "\n"
    }
}
