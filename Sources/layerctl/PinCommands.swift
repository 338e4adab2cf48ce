internal import ArgumentParser
internal import OCI

/// `layerctl pin`: keeps images from removal; without names, lists what is pinned.
struct PinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin", abstract: "Keep images from pruning and eviction; without names, list what is pinned.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Names, digests or IDs.")
    var images: [String] = []

    @Option(help: OutputFormat.help)
    var format: OutputFormat = .table

    func run() async throws {
        let client = try global.client()
        guard images.isEmpty else {
            let answer = try await client.post("/layerd/v1/pins", query: images.map { ("image", $0) })
            return standardOutput.write(Self.names(answer))
        }
        standardOutput.write(try text(try await client.get("/layerd/v1/pins")))
    }

    func text(_ answer: JSON) throws -> String {
        let rows = (answer["pins"]?.array ?? []).map { pin in
            [("Image", pin["image"]?.string ?? ""), ("Digest", pin["digest"]?.string ?? "")]
        }
        guard case .table = format else { return try format.lines(rows, fields: ["Image", "Digest"]) }
        var table = TextTable(["IMAGE", "DIGEST"])
        for row in rows { table.add(row.map(\.1)) }
        return table.text
    }

    /// One changed name a line.
    static func names(_ answer: JSON) -> String {
        (answer["images"]?.array ?? []).compactMap(\.string).map { $0 + "\n" }.joined()
    }
}

/// `layerctl unpin`: ends a pin.
struct UnpinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "unpin", abstract: "Let images go again.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Names, digests or IDs.")
    var images: [String]

    func run() async throws {
        let answer = try await global.client().delete("/layerd/v1/pins", query: images.map { ("image", $0) })
        standardOutput.write(PinCommand.names(answer))
    }
}
