internal import ArgumentParser

/// `layerctl wire`: makes the machine's engines pull through layerd.
struct WireCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wire", abstract: "Make an engine of this machine pull through layerd, or take that back.",
        discussion: """
            Without an option it prints what --apply would write. Settings that are there stay: JSON and TOML are \
            merged. --undo gives every file back its bytes, and removes those that were not there.
            """)

    enum Action: String, EnumerableFlag {
        case print, apply, undo
    }

    @Flag(help: "Print what would be written, write it, or take it back.")
    var action: Action = .print

    @Option(help: ArgumentHelp("Where layerd's mirror listens.", valueName: "address:port"))
    var mirror = "127.0.0.1:5050"

    @Option(
        help: ArgumentHelp(
            "A registry to pull through layerd; may be repeated. containerd is wired for all at once.",
            valueName: "host"))
    var registry: [String] = ["docker.io"]

    @Option(help: ArgumentHelp("Below which directory the files are, for images being built.", valueName: "dir"))
    var root = ""

    @Argument(help: "dockerd, containerd, podman (also buildah and skopeo) or buildkit.")
    var engine: Engine

    func validate() throws {
        let isAddress = mirror.contains(":") && !mirror.contains { "\"'\\/ \n".contains($0) }
        guard isAddress else { throw ValidationError("--mirror must be an address and a port, such as 127.0.0.1:5050") }
        guard registry.allSatisfy({ !$0.isEmpty && !$0.contains { "\"'\\/ \n".contains($0) } && !$0.hasPrefix(".") })
        else {
            throw ValidationError("--registry must be a registry's host name, such as ghcr.io")
        }
    }

    func run() throws {
        let files = WiredFiles(engine: engine, root: root)
        switch action {
        case .undo:
            let restored = try files.undo()
            say(restored, "restored", none: "\(engine.rawValue) is not wired by layerctl: nothing to take back")
        case .apply:
            let edits = engine.edits(mirror: mirror, registries: registry)
            let written = try files.apply(try files.changes(edits))
            say(written, "wrote", none: "\(engine.rawValue) pulls through layerd already")
        case .print:
            for change in try files.changes(engine.edits(mirror: mirror, registries: registry)) {
                standardOutput.write("### \(root)\(change.path)\n\(String(decoding: change.after, as: UTF8.self))\n")
            }
        }
    }

    private func say(_ paths: [String], _ verb: String, none: String) {
        if paths.isEmpty { return standardOutput.write(none + "\n") }
        for path in paths { standardOutput.write("\(verb) \(root)\(path)\n") }
        standardOutput.write("to make it count: \(engine.activation)\n")
    }
}
