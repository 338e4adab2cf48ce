internal import ArgumentParser
internal import OCI

/// `layerctl inspect`: what `docker image inspect` prints.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show all that is known of images, as JSON.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Names, digests or IDs.")
    var images: [String]

    func run() async throws {
        let client = try global.client()
        var found: [JSON] = []
        var failures: [Failure] = []
        for image in images {
            do {
                found.append(try await client.get(DaemonClient.engineVersion + "/images/\(Self.path(image))/json"))
            } catch let failure as Failure {
                guard case .refused = failure else { throw failure }
                failures.append(failure)
            }
        }
        standardOutput.write(Self.text(found))
        for failure in failures { standardError.write(failure.description + "\n") }
        if !failures.isEmpty { throw ExitCode(1) }
    }

    /// Indented by four, with a line end; `[]` when nothing was found.
    static func text(_ images: [JSON]) -> String {
        images.isEmpty ? "[]\n" : String(decoding: JSON.array(images).serialized(pretty: 4), as: UTF8.self) + "\n"
    }

    /// A name in a path: everything encoded but the slashes and colons, which are part of names.
    static func path(_ image: String) -> String {
        image.split(separator: "/", omittingEmptySubsequences: false).map { part in
            percentEncoded(String(part)).replacing("%3A", with: ":")
        }.joined(separator: "/")
    }
}
