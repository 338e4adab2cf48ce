internal import ArgumentParser
internal import Glibc
internal import OCI

/// `layerctl load`: what `docker load` does and prints.
struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Load images from a tar archive of docker's or an OCI layout, plain or in gzip, zstd or xz.")

    @OptionGroup var global: GlobalOptions

    @Option(name: [.short, .long], help: ArgumentHelp("Instead of standard input.", valueName: "file"))
    var input: String?

    @Flag(name: [.short, .long], help: "Print the images alone.")
    var quiet = false

    @Option(help: ArgumentHelp("Of multi-platform images, this one alone.", valueName: "os/arch"))
    var platform: String?

    func run() async throws {
        var descriptor = STDIN_FILENO
        if let input {
            descriptor = open(input, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw Failure.local("open \(input): \(String(cString: strerror(errno)))") }
        } else if isatty(STDIN_FILENO) == 1 {
            throw Failure.local("requested load from stdin, but stdin is empty")
        }
        let isQuiet = quiet || !standardOutput.isTerminal
        var query = [("quiet", isQuiet ? "1" : "0")]
        if let platform { query.append(("platform", try PlatformOption.json(platform))) }
        let failure = Shared<String?>(nil)
        try await global.client().post(DaemonClient.engineVersion + "/images/load", query: query, file: descriptor) {
            line in
            if let message = line["errorDetail"]?["message"]?.string { failure.withLock { $0 = message } }
            standardOutput.write(Self.text(line))
        }
        if let message = failure.withLock({ $0 }) {
            standardError.write(message + "\n")
            throw ExitCode(1)
        }
    }

    /// What one frame prints; progress has its end alone.
    static func text(_ frame: JSON) -> String {
        if let text = frame["stream"]?.string { return text }
        guard let id = frame["id"]?.string, let detail = frame["progressDetail"],
            let current = detail["current"]?.integer, let total = detail["total"]?.integer, current == total
        else { return "" }
        return "\(id): Loading layer  \(HumanText.size(total))\n"
    }
}

/// `os/arch[/variant]` as the Engine API takes it.
enum PlatformOption {
    static func json(_ text: String) throws -> String {
        do {
            return String(decoding: try Platform(parsing: text).json.serialized(), as: UTF8.self)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
