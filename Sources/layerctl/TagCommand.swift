internal import ArgumentParser
internal import OCI

/// `layerctl tag`: gives an image one more name.
struct TagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag", abstract: "Give an image another name; a name that points elsewhere moves.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Name, digest or ID.")
    var source: String

    @Argument(help: "Such as registry.example.com/team/app:1.2")
    var target: String

    func run() async throws {
        let (repository, tag) = try parts()
        try await global.client().post(
            DaemonClient.engineVersion + "/images/\(InspectCommand.path(source))/tag",
            query: [("repo", repository), ("tag", tag)])
    }

    /// - Throws: a usage error for what is no name.
    func parts() throws -> (repository: String, tag: String) {
        let reference: Reference
        do { reference = try Reference(parsing: target) } catch { throw ValidationError("\(error)") }
        guard reference.digest == nil else {
            throw ValidationError("a name with a digest cannot be given: the digest is the content's own")
        }
        return (reference.repository.description, reference.tag ?? "latest")
    }
}
