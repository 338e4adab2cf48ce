internal import ArgumentParser
internal import OCI

/// `layerctl ls`: what `docker image ls` prints.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List images.", aliases: ["images"])

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Only images whose name matches, such as 'w*' or 'alpine:3.20'.")
    var pattern: String?

    @Flag(help: "Show digests.")
    var digests = false

    @Flag(help: "Do not cut IDs.")
    var noTrunc = false

    @Flag(name: [.short, .long], help: "Print IDs alone.")
    var quiet = false

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Only images for which this holds: reference=, dangling=, label=, before=, since= or until=. May be given "
                + "several times.", valueName: "key=value"))
    var filter: [String] = []

    @Option(help: OutputFormat.help)
    var format: OutputFormat = .table

    func run() async throws {
        let client = try global.client()
        let images = try await client.get(DaemonClient.engineVersion + "/images/json", query: try query())
        let rows = (images.array ?? []).flatMap { ImageRow.rows(of: $0, digests: digests) }
        standardOutput.write(try text(rows, now: HumanText.now()))
    }

    /// - Throws: a usage error for a filter without `=`.
    func query() throws -> [(String, String)] {
        let filters = filter + (pattern.map { ["reference=\($0)"] } ?? [])
        return filters.isEmpty ? [] : [("filters", try Self.encoded(filters))]
    }

    /// Filters written `key=value`, in the Engine API's encoding.
    /// - Throws: a usage error for a filter without `=`.
    static func encoded(_ entries: [String]) throws -> String {
        var filters: [String: [String]] = [:]
        for entry in entries {
            guard let equals = entry.firstIndex(of: "=") else {
                throw ValidationError("a filter is written key=value, not \"\(entry)\"")
            }
            filters[String(entry[..<equals]), default: []].append(String(entry[entry.index(after: equals)...]))
        }
        let members = filters.sorted { $0.key < $1.key }.map { key, values in
            JSON.Member(key, .object(values.map { JSON.Member($0, true) }))
        }
        return String(decoding: JSON.object(members).serialized(), as: UTF8.self)
    }

    func text(_ rows: [ImageRow], now: Int64) throws -> String {
        if quiet { return rows.map { (noTrunc ? $0.id : HumanText.shortID($0.id)) + "\n" }.joined() }
        guard case .table = format else {
            let fields = rows.map { $0.fields(now: now, truncate: !noTrunc, digest: $0.digest) }
            return try format.lines(fields, fields: ImageRow.fieldNames)
        }
        var table = TextTable(
            ["REPOSITORY", "TAG"] + (digests ? ["DIGEST"] : []) + ["IMAGE ID", "CREATED", "SIZE"])
        for row in rows {
            table.add(
                [row.repository, row.tag] + (digests ? [row.digest] : []) + [
                    noTrunc ? row.id : HumanText.shortID(row.id), HumanText.ago(row.created, now: now),
                    HumanText.size(row.size, digits: 3),
                ])
        }
        return table.text
    }
}
