internal import ArgumentParser
internal import OCI

/// `layerctl why`: what the daemon knows of why something is here, or went.
struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Show who uses an image or blob, what it is worth, and when it would be evicted.",
        discussion: "Without an argument: the images that were evicted last, and why.")

    @OptionGroup var global: GlobalOptions

    @Flag(help: "Print the daemon's JSON.")
    var json = false

    @Argument(help: "Image, ID or digest of a blob.")
    var image: String?

    func run() async throws {
        let answer = try await global.client().get("/layerd/v1/why", query: image.map { [("image", $0)] } ?? [])
        standardOutput.write(
            json ? String(decoding: answer.serialized(), as: UTF8.self) + "\n" : Self.text(answer)
        )
    }

    static func text(_ answer: JSON) -> String {
        if let evictions = answer["evictions"]?.array { return log(evictions) }
        if let users = answer["users"]?.array {
            let names = users.compactMap(\.string).map { "  \($0)\n" }.joined()
            return "\(answer["digest"]?.string ?? "") is used by\n\(names)"
        }
        func number(_ key: String) -> Int64 { answer[key]?.integer ?? 0 }
        let used = answer["lastUsed"]?.string ?? ""
        var lines = [
            "\(answer["image"]?.string ?? "")  \(answer["id"]?.string ?? "")",
            "  size \(HumanText.size(number("size"))), of which \(HumanText.size(number("frees"))) would come free",
            "  used \(number("uses")) times, last \(used); \(number("pins")) pins, \(number("holders")) holders",
        ]
        if let stays = answer["stays"]?.string {
            lines.append("  stays: \(stays)")
        } else if let turn = answer["turn"]?.integer {
            lines.append("  goes as number \(turn), once \(HumanText.size(number("freedBefore"))) have gone before it")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func log(_ evictions: [JSON]) -> String {
        guard !evictions.isEmpty else { return "nothing was evicted since layerd was started\n" }
        return evictions.map { entry in
            "\(entry["at"]?.string ?? "")  \(entry["image"]?.string ?? "")  freed "
                + "\(HumanText.size(entry["freed"]?.integer ?? 0)): \(entry["why"]?.string ?? "")\n"
        }.joined()
    }
}
