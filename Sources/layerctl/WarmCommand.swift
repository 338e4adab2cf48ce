internal import ArgumentParser
internal import FoundationEssentials
internal import OCI

/// `layerctl warm`: has the daemon bring lists, images, and what files name.
struct WarmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "warm", abstract: "Bring warm lists, images, and the images that files name.",
        discussion: """
            A NAME is a list of the configuration ([warm.NAME]), else an image, whose tag may be a range: redis:7.*. A \
            FILE is a list with one image a line, a Compose or Kubernetes file, a Dockerfile, or a Quadlet unit. \
            Succeeds when everything is here, whole and verified. Without arguments: how the entries of all lists fared.
            """)

    @OptionGroup var global: GlobalOptions

    @Flag(help: "Only show what would be fetched, after what is here and what is shared.")
    var plan = false

    @Option(help: "Form of the output: table, or json for the daemon's own.")
    var format: WarmFormat = .table

    @Option(name: .shortAndLong, help: ArgumentHelp("A file that names images; may be repeated.", valueName: "file"))
    var file: [String] = []

    @Argument(help: "Lists of the configuration, and images.")
    var names: [String] = []

    func run() async throws {
        let client = try global.client()
        if names.isEmpty && file.isEmpty {
            let states = try await client.get("/layerd/v1/warm")
            return standardOutput.write(format == .json ? Self.line(states) : Self.table(states))
        }
        let body = JSON.object([
            .init("names", .array(names.map { .string($0) })), .init("files", .array(try file.map(Self.read))),
        ])
        if plan {
            let report = try await client.post("/layerd/v1/warm", query: [("plan", "1")], body: body)
            standardOutput.write(format == .json ? Self.line(report) : Self.text(ofPlan: report))
            return try Self.finish(failures: (report["images"]?.array ?? []).compactMap { $0["error"]?.string })
        }
        let display = WarmDisplay(isJSON: format == .json)
        try await client.post("/layerd/v1/warm", query: [], body: body) { display.show($0) }
        try Self.finish(failures: try display.failures())
    }

    private static func finish(failures: [String]) throws {
        for failure in failures { standardError.write(failure + "\n") }
        if !failures.isEmpty { throw ExitCode(1) }
    }

    private static func read(_ path: String) throws -> JSON {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: path)) } catch {
            throw Failure.refused("\(path) cannot be read")
        }
        guard let text = String(bytes: data, encoding: .utf8) else { throw Failure.refused("\(path) is not a text") }
        return ["name": .string(path), "text": .string(text)]
    }

    static func line(_ json: JSON) -> String { String(decoding: json.serialized(), as: UTF8.self) + "\n" }

    static func text(ofPlan report: JSON) -> String {
        func number(_ key: String) -> Int64 { report[key]?.integer ?? 0 }
        var table = TextTable(["IMAGE", "SIZE", "FETCH", "PULLS"])
        for image in report["images"]?.array ?? [] where image["error"] == nil {
            table.add([
                image["image"]?.string ?? "", HumanText.size(image["size"]?.integer ?? 0),
                HumanText.size(image["bytesToFetch"]?.integer ?? 0), "\(image["registryPulls"]?.integer ?? 0)",
            ])
        }
        var text = table.text + "\nto fetch: \(HumanText.size(number("bytesToFetch"))) in all, each layer once"
        text += "; it costs \(number("registryPulls")) pulls of the registries' allowance"
        text += "\ndisk after: \(HumanText.size(number("diskAfter")))"
        if let seconds = report["seconds"]?.integer { text += "; about \(seconds) s at the last measured rate" }
        return text + "\n"
    }

    static func table(_ states: JSON) -> String {
        var table = TextTable(["LIST", "IMAGE", "PLATFORM", "DIGEST", "CHECKED", "STATE"])
        for entry in states["entries"]?.array ?? [] {
            table.add([
                entry["list"]?.string ?? "", entry["image"]?.string ?? "", entry["platform"]?.string ?? "",
                HumanText.shortID(entry["digest"]?.string ?? ""), entry["checked"]?.string ?? "",
                entry["error"]?.string ?? "present",
            ])
        }
        return table.text
    }
}

/// The forms of `warm`'s output.
enum WarmFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json
}

/// Shows a run: a line for each entry that is done, and one with the sums; `show` is called on the connection's thread.
final class WarmDisplay: Sendable {
    private struct State {
        var entries: Int64 = 0, done: Int64 = 0
        var failures: [String] = []
        var ended = false
    }

    private let isJSON: Bool
    private let state = Shared(State())

    init(isJSON: Bool) { self.isJSON = isJSON }

    func show(_ line: JSON) {
        let text = state.withLock { state in Self.text(line, &state) }
        if isJSON {
            standardOutput.write(WarmCommand.line(line))
        } else if let text {
            standardOutput.write(text + "\n")
        }
    }

    private static func text(_ line: JSON, _ state: inout State) -> String? {
        switch line["type"]?.string {
        case "begin": state.entries = line["entries"]?.integer ?? 0
        case "entry": return entry(line, &state)
        case "done":
            state.ended = true
            state.failures = (line["failures"]?.array ?? []).compactMap(\.string)
            return "\(line["present"]?.integer ?? 0) of \(state.entries) images are here; fetched "
                + HumanText.size(line["fetchedBytes"]?.integer ?? 0)
        case "error":
            state.ended = true
            state.failures = [line["message"]?.string ?? "the run failed"]
        default: break
        }
        return nil
    }

    private static func entry(_ line: JSON, _ state: inout State) -> String? {
        let image = line["image"]?.string ?? ""
        let platform = line["platform"]?.string.map { " \($0)" } ?? ""
        switch line["state"]?.string {
        case "present":
            state.done += 1
            let fetched = line["fetchedBytes"]?.integer ?? 0
            return "[\(state.done)/\(state.entries)] \(image)\(platform): "
                + (fetched == 0 ? "was here" : "fetched \(HumanText.size(fetched))")
        case "failed":
            state.done += 1
            return "[\(state.done)/\(state.entries)] \(image)\(platform): failed"
        default: return nil
        }
    }

    /// What did not go well.
    /// - Throws: ``Failure`` when the run was not seen to end.
    func failures() throws -> [String] {
        let (failures, ended) = state.withLock { ($0.failures, $0.ended) }
        guard ended else { throw Failure.refused("the connection ended before the run did; is layerd still running?") }
        return failures
    }
}
