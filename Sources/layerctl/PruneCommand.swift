internal import ArgumentParser
internal import Glibc
internal import OCI

/// `layerctl prune`: removes images that nobody needs, or says what that would free.
struct PruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove images that nobody names; with -a, every image that is not pinned.")

    @OptionGroup var global: GlobalOptions

    @Flag(name: [.short, .long], help: "Also named images, unless they are pinned or being read.")
    var all = false

    @Flag(help: "Remove nothing; tell what would go and how many bytes that frees.")
    var dryRun = false

    @Flag(name: [.short, .long], help: "Do not ask.")
    var force = false

    @Option(help: ArgumentHelp("table, or json (one object).", valueName: "format"))
    var format: ReportFormat = .table

    func run() async throws {
        if !dryRun, !force, !agreed() { return }
        var query: [(String, String)] = all ? [("all", "1")] : []
        if dryRun { query.append(("dry_run", "1")) }
        let report = try await global.client().post("/layerd/v1/prune", query: query)
        standardOutput.write(format == .json ? report.line : text(report))
    }

    /// On a terminal a person is asked, as docker asks. A script that leaves `-f` out gets its no at the end of input.
    private func agreed() -> Bool {
        let what = all ? "all images that are not pinned" : "all images without a name"
        standardOutput.write("WARNING! This will remove \(what).\nAre you sure you want to continue? [y/N] ")
        return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
    }

    func text(_ report: JSON) -> String {
        let images = report["images"]?.array ?? []
        var text = ""
        if !images.isEmpty {
            text += dryRun ? "Would delete:\n" : "Deleted Images:\n"
            for image in images {
                for tag in image["tags"]?.array ?? [] {
                    text += "untagged: \(Self.familiar(tag.string ?? ""))\n"
                }
                text += "deleted: \(image["id"]?.string ?? "")\n"
            }
            text += "\n"
        }
        let bytes = report["bytes"]?.integer ?? 0
        let verb = dryRun ? "Total reclaimable space" : "Total reclaimed space"
        // Docker's line has a rounded figure; who compares wants the bytes.
        return text + "\(verb): \(HumanText.size(bytes))" + (dryRun ? " (\(bytes) bytes)" : "") + "\n"
    }

    private static func familiar(_ name: String) -> String {
        do { return try Reference(parsing: name).familiar } catch { return name }
    }
}

/// For answers that are one report and no rows.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json
}

extension JSON {
    /// On one line, ended.
    var line: String { String(decoding: serialized(), as: UTF8.self) + "\n" }
}
