internal import ArgumentParser
internal import OCI

/// `layerctl rm`: what `docker image rm` prints.
struct RemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove names, and images that nobody names any more.", aliases: ["rmi"])

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Names, digests or IDs.")
    var images: [String]

    @Flag(name: [.short, .long], help: "Also what has several names or is in use; what is not there is no failure.")
    var force = false

    func run() async throws {
        let client = try global.client()
        var failed = false
        for image in images {
            do {
                let rows = try await client.delete(
                    DaemonClient.engineVersion + "/images/\(InspectCommand.path(image))",
                    query: force ? [("force", "1")] : [])
                standardOutput.write(Self.text(rows))
            } catch let failure as Failure {
                guard case .refused(let reason) = failure else { throw failure }
                standardError.write(failure.description + "\n")
                // With -f docker too says so and goes on as if nothing had happened.
                failed = failed || !(force && reason.lowercased().hasPrefix("no such image"))
            }
        }
        if failed { throw ExitCode(1) }
    }

    static func text(_ rows: JSON) -> String {
        (rows.array ?? []).flatMap(\.self.orderedMembers).map { "\($0.key): \($0.value.string ?? "")\n" }.joined()
    }
}

extension JSON {
    fileprivate var orderedMembers: [Member] { members ?? [] }
}
