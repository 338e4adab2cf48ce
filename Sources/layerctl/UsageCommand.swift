internal import ArgumentParser
internal import OCI

/// `layerctl df`: what `docker system df` prints.
struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "df", abstract: "Show how much disk the images take, and how much of it they share.")

    @OptionGroup var global: GlobalOptions

    @Flag(name: [.short, .long], help: "One line for each image, with shared and unique bytes.")
    var verbose = false

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "Only tell how many bytes removing these images together would free.", valueName: "image"))
    var reclaimable: [String] = []

    @Option(help: OutputFormat.help)
    var format: OutputFormat = .table

    func run() async throws {
        guard reclaimable.isEmpty else {
            let query = reclaimable.map { ("images", $0) } + [("blobs", "0")]
            let usage = try await global.client().get("/layerd/v1/df", query: query)
            return standardOutput.write(try reclaimableText(usage))
        }
        let usage = try await global.client().get(DaemonClient.engineVersion + "/system/df")
        standardOutput.write(try verbose ? details(usage, now: HumanText.now()) : summary(usage))
    }

    func reclaimableText(_ usage: JSON) throws -> String {
        let bytes = usage["reclaimable"]?.integer ?? 0
        switch format {
        case .table: return "\(HumanText.size(bytes)) (\(bytes) bytes)\n"
        case .json: return (["Reclaimable": .integer(bytes)] as JSON).line
        case .fields: return try format.lines([[("Reclaimable", "\(bytes)")]], fields: ["Reclaimable"])
        }
    }

    static let summaryFields = ["Active", "Reclaimable", "Size", "TotalCount", "Type"]

    func summary(_ usage: JSON) throws -> String {
        let rows = [Self.images(usage)] + ["Containers", "Local Volumes", "Build Cache"].map(Self.nothing)
        guard case .table = format else { return try format.lines(rows, fields: Self.summaryFields) }
        var table = TextTable(["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"])
        for row in rows {
            table.add(
                ["Type", "TotalCount", "Active", "Size", "Reclaimable"].map { key in
                    row.first { $0.0 == key }?.1 ?? ""
                })
        }
        return table.text
    }

    /// Docker's arithmetic: what is left when images in use keep the bytes that are theirs alone.
    private static func images(_ usage: JSON) -> [(String, String)] {
        let images = usage["Images"]?.array ?? []
        let total = usage["LayersSize"]?.integer ?? 0
        var reclaimable = total
        var active = 0
        for image in images {
            let holders = image["Containers"]?.integer ?? -1
            if holders > 0 { active += 1 }
            guard holders != 0, let size = image["Size"]?.integer, let shared = image["SharedSize"]?.integer,
                size != -1, shared != -1
            else { continue }
            reclaimable -= size - shared
        }
        // In floating point a large total cannot overflow; docker's integer division cuts towards zero.
        let percent = total > 0 ? " (\(Int64(Double(reclaimable) * 100 / Double(total)))%)" : ""
        return [
            ("Active", "\(active)"), ("Reclaimable", HumanText.size(reclaimable) + percent),
            ("Size", HumanText.size(total)), ("TotalCount", "\(images.count)"), ("Type", "Images"),
        ]
    }

    private static func nothing(_ type: String) -> [(String, String)] {
        [("Active", "0"), ("Reclaimable", "0B"), ("Size", "0B"), ("TotalCount", "0"), ("Type", type)]
    }

    func details(_ usage: JSON, now: Int64) throws -> String {
        // One line an image, its first tag: docker's way of counting each image once.
        let rows = (usage["Images"]?.array ?? []).compactMap { image -> ImageRow? in
            var row = ImageRow.rows(of: image, digests: false).first
            if (image["RepoTags"]?.array ?? []).isEmpty { row?.repository = "<none>" }
            return row
        }
        guard case .table = format else { return try lines(rows, now: now) }
        var table = TextTable([
            "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS",
        ])
        for row in rows {
            table.add([
                row.repository, row.tag, HumanText.shortID(row.id), HumanText.ago(row.created, now: now),
                HumanText.size(row.size, digits: 3), row.sharedSize < 0 ? "N/A" : HumanText.size(row.sharedSize),
                row.uniqueSize, row.containers < 0 ? "N/A" : "\(row.containers)",
            ])
        }
        return "Images space usage:\n\n" + table.text + Self.emptySections
    }

    private func lines(_ rows: [ImageRow], now: Int64) throws -> String {
        let fields = rows.map { $0.fields(now: now, truncate: false, digest: "") }
        guard case .json = format else { return try format.lines(fields, fields: ImageRow.fieldNames) }
        let images = fields.map { JSON.object($0.map { JSON.Member($0.0, .string($0.1)) }) }
        let all = JSON.object([
            .init("Images", .array(images)), .init("Containers", []), .init("Volumes", []), .init("BuildCache", []),
        ])
        return String(decoding: all.serialized(escapeHTML: true), as: UTF8.self) + "\n"
    }

    /// The other three sections, which layerd never fills, so that scripts find the text they know.
    private static let emptySections =
        "\nContainers space usage:\n\n"
        + TextTable(["CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"]).text
        + "\nLocal Volumes space usage:\n\n" + TextTable(["VOLUME NAME", "LINKS", "SIZE"]).text
        + "\nBuild cache usage: 0B\n\n"
        + TextTable(["CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED"]).text
}
